// Python by Pyodide: the script beside this folder.
import fs from 'fs';
import path from 'path';
import { pathToFileURL, fileURLToPath } from 'url';
const folder = path.resolve(process.argv[2]);
const { loadPyodide } = await import(pathToFileURL(path.join(folder, 'pyodide/pyodide.mjs')));
const python = await loadPyodide({ indexURL: path.join(folder, 'pyodide') + '/', stdout: (line) => console.log(line) });
python.runPython(fs.readFileSync(fileURLToPath(new URL('../python.script.py', import.meta.url)), 'utf8'));
