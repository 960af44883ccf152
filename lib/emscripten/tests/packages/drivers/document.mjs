// MuPDF: a document opened, its text and what a page looks like.
import path from 'path';
import crypto from 'crypto';
import { pathToFileURL } from 'url';
const folder = path.resolve(process.argv[2]);
const mupdf = await import(pathToFileURL(path.join(folder, 'mupdf/dist/mupdf.js')));
const content = '0 0 1 rg 10 10 50 30 re f BT /F 14 Tf 20 70 Td (hello from a page) Tj ET';
const pdf = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj ' +
  '3 0 obj<</Type/Page/MediaBox[0 0 200 100]/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj ' +
  `4 0 obj<</Length ${content.length}>>stream\n${content}\nendstream endobj 5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n` +
  'trailer<</Root 1 0 R>>';
const document = mupdf.Document.openDocument(Buffer.from(pdf), 'application/pdf');
const page = document.loadPage(0);
console.log(String(document.countPages()), page.getBounds().join(','));
console.log(page.toStructuredText('').asText().trim());
const pixels = Buffer.from(page.toPixmap([1, 0, 0, 1, 0, 0], mupdf.ColorSpace.DeviceRGB, false).getPixels());
console.log(String(pixels.length), crypto.createHash('sha1').update(pixels).digest('hex'));
