// HEIF pictures, decoded through the functions of libheif's C interface.
const fs = require('fs'), path = require('path'), crypto = require('crypto');
const folder = path.resolve(process.argv[2]);
const heif = require(path.join(folder, 'libheif-js/libheif-wasm/libheif.js'))();

const ready = heif.ready || Promise.resolve();
ready.then(() => {
  console.log(heif.heif_get_version());
  for (const name of ['small.heic', 'cut.heic', 'none.heic']) {
    const data = fs.readFileSync(path.join(folder, 'samples', name));
    const context = heif.heif_context_alloc();
    const read = heif.heif_context_read_from_memory(context, data);
    console.log(name, read.code.value, read.subcode.value, read.message);
    if (read.code.value === 0) {
      for (const id of heif.heif_js_context_get_list_of_top_level_image_IDs(context)) {
        const handle = heif.heif_js_context_get_image_handle(context, id);
        console.log(' ', id, heif.heif_image_handle_get_width(handle), heif.heif_image_handle_get_height(handle));
        const image = heif.heif_js_decode_image2(
          handle, heif.heif_colorspace.heif_colorspace_RGB, heif.heif_chroma.heif_chroma_interleaved_RGB);
        if (image.code !== undefined) {
          console.log('  ERROR', image.code.value, image.message);
          continue;
        }
        for (const channel of image.channels)
          console.log(' ', image.width, image.height, channel.stride, channel.data.length,
                      crypto.createHash('sha1').update(channel.data).digest('hex'));
        heif.heif_image_release(image.image);
        heif.heif_image_handle_release(handle);
      }
    }
    heif.heif_context_free(context);
  }
});
