// Ghostscript: a page of PostScript drawn, and its text.
const path = require('path'), crypto = require('crypto');
const made = require(path.join(path.resolve(process.argv[2]), '_jspawn_ghostscript-wasm/gs.js'));
const PAGE = `%!PS
/Helvetica findfont 20 scalefont setfont 100 700 moveto (hello) show
/star { gsave translate 5 { 0 50 lineto 144 rotate } repeat stroke grestore } def
300 300 star 0.5 setgray 100 100 200 50 rectfill
/fact { dup 1 le { pop 1 } { dup 1 sub fact mul } ifelse } def 10 fact =
showpage
`;
(async () => {
  for (const device of ['txtwrite', 'pgmraw', 'ppmraw']) {
    const gs = await made({ printErr() {} });
    gs.FS.writeFile('/page.ps', PAGE);
    const code = gs.callMain(['-q', '-dNOPAUSE', '-dBATCH', '-r36', `-sDEVICE=${device}`, '-sOutputFile=/made', '/page.ps']);
    console.log(device, String(code));
    const file = gs.FS.readFile('/made');
    console.log(' ', String(file.length), crypto.createHash('sha1').update(file).digest('hex'));
  }
})();
