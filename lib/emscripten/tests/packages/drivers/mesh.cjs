// Draco: a mesh decoded, and half of one.
const fs = require('fs'), path = require('path'), crypto = require('crypto');
const folder = path.join(path.resolve(process.argv[2]), 'draco3d');
const data = new Int8Array(fs.readFileSync(path.join(folder, 'bunny.drc')));

require(path.join(folder, 'draco_decoder_nodejs.js'))({}).then((draco) => {
  const buffer = new draco.DecoderBuffer(), decoder = new draco.Decoder(), mesh = new draco.Mesh();
  buffer.Init(data, data.length);
  console.log('kind', decoder.GetEncodedGeometryType(buffer));
  const status = decoder.DecodeBufferToMesh(buffer, mesh);
  console.log(status.ok(), mesh.num_points(), mesh.num_faces());
  const size = 12 * mesh.num_faces(), faces = draco._malloc(size);
  decoder.GetTrianglesUInt32Array(mesh, size, faces);
  console.log(crypto.createHash('sha1').update(draco.HEAPU8.slice(faces, faces + size)).digest('hex'));
  const again = new draco.DecoderBuffer(), half = new draco.Mesh();
  again.Init(data, data.length >> 1);
  const failed = decoder.DecodeBufferToMesh(again, half);
  console.log(failed.ok(), failed.error_msg());
});
