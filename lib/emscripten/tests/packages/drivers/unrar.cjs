// RAR archives, listed and extracted by what node-unrar-js has around its module.
const fs = require('fs'), path = require('path'), crypto = require('crypto');
const folder = path.resolve(process.argv[2]);
const { createExtractorFromData } = require(path.join(folder, 'node-unrar-js/dist/index.js'));

(async () => {
  for (const name of ['good.rar', 'damaged.rar', 'none.rar']) {
    console.log(name);
    try {
      const data = new Uint8Array(fs.readFileSync(path.join(folder, 'samples', name))).buffer;
      const extractor = await createExtractorFromData({ data });
      for (const file of [...extractor.getFileList().fileHeaders])
        console.log(' ', file.name, file.packSize, file.unpSize, file.crc, file.unpVer, file.method);
      for (const file of extractor.extract().files)
        console.log(' ', file.fileHeader.name, file.extraction.length,
                    crypto.createHash('sha1').update(file.extraction).digest('hex'));
    } catch (error) {
      console.log('  ERROR', error.reason, error.file || '');
    }
  }
})();
