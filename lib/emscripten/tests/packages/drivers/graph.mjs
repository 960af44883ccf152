// Graphviz: graphs drawn by what viz.js has around its module.
import path from 'path';
import { pathToFileURL } from 'url';
const folder = path.resolve(process.argv[2]);
const { instance } = await import(pathToFileURL(path.join(folder, '_viz-js_viz/dist/viz.js')));
const viz = await instance();
console.log(viz.graphvizVersion);
for (const [engine, text] of [
  ['dot', 'digraph { a -> b; a -> c [label=of]; subgraph cluster_d { d -> a } }'],
  ['neato', 'graph { x -- y -- z -- x }'],
  ['circo', 'graph { 1 -- 2 -- 3 -- 4 -- 1 }'],
]) {
  for (const format of ['svg', 'dot']) process.stdout.write(viz.renderString(text, { engine, format }));
}
