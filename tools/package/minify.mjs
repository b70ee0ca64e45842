import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";
import { minify } from "terser";

// Errors are told by their names, which stay; a statement a line, so that traces have line numbers.
const MINIFY = {
  module: true,
  ecma: 2020,
  compress: { passes: 2 },
  format: { semicolons: false },
};
/** What the package exports keeps its documentation; of these rooms only the names are of use to whoever installs it. */
const INTERNAL_ROOMS = /[\\/]dist[\\/](?:data|store)[\\/]/;

/**
 * Makes a built package small: a file for each export and for what exports share, minified, and declarations without
 * what is told to nobody.
 */
export async function minifyPackage(folder) {
  const dist = join(folder, "dist");
  // Everything is read before anything is written: the result takes the place of what it is made from.
  const files = await Promise.all((await chunksOf(folder)).map(minified));
  for (const name of filesOf(dist, ".js")) rmSync(join(dist, name));
  mkdirSync(join(dist, "chunks"), { recursive: true });
  for (const { name, code } of files) writeFileSync(join(dist, name), code);
  const documented = documentedFiles(folder);
  for (const file of filesOf(dist, ".d.ts").map((name) => join(dist, name))) {
    if (!documented.has(file)) writeFileSync(file, withoutComments(file));
  }
}

async function chunksOf(folder) {
  const targets = Object.values(exportsOf(folder)).flatMap((target) => target.default ?? []);
  const input = Object.fromEntries(
    targets.map((path) => [path.slice("./dist/".length, -".js".length), join(folder, path)]),
  );
  const bundle = await rolldown({ input, external: /^[^./]/, treeshake: { moduleSideEffects: false } });
  const { output } = await bundle.generate({
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[hash].js",
    minify: false,
  });
  await bundle.close();
  return output;
}

async function minified({ fileName, code }) {
  const reserved = code.match(/\b\w+Error\b/g) ?? [];
  const small = await minify(code, { ...MINIFY, mangle: { reserved } });
  return { name: fileName, code: `${small.code}\n` };
}

function withoutComments(file) {
  return readFileSync(file, "utf8").replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, "");
}

/** Declarations of what can be imported: the exports themselves, where they take their names from, and the options they take. */
export function documentedFiles(folder) {
  const entries = Object.values(exportsOf(folder)).flatMap(({ types }) => (types ? [join(folder, types)] : []));
  const documented = new Set();
  for (const file of [...entries, ...entries.flatMap((entry) => targetsOf(entry, EXPORTED))]) add(documented, file);
  return documented;
}

const EXPORTED = /^export (?:type )?(?:\*|\{[^}]*\}) from "(\.[^"]+)"/gm;
/** An editor shows what stands at an option, whichever file its interface is from. */
const OPTIONS = /^import (?:type )?\{[^}]*Options\b[^}]*\} from "(\.[^"]+)"/gm;

function add(documented, file) {
  if (documented.has(file) || INTERNAL_ROOMS.test(file)) return;
  documented.add(file);
  for (const target of targetsOf(file, OPTIONS)) add(documented, target);
}

function targetsOf(file, pattern) {
  return [...readFileSync(file, "utf8").matchAll(pattern)].map(([, path]) =>
    join(dirname(file), path.replace(/\.[jt]s$/, ".d.ts")),
  );
}

function exportsOf(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).exports;
}

function filesOf(folder, ending) {
  return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(ending));
}
