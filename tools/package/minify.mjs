import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { minify } from "terser";

// Names of classes and functions stay: errors and traces show them. A statement a line, so that traces have line numbers.
const OPTIONS = {
  module: true,
  ecma: 2020,
  keep_classnames: true,
  keep_fnames: true,
  format: { semicolons: false },
};

/** Makes a built package small: its JavaScript minified file by file, its declarations without what is told to nobody. */
export async function minifyPackage(folder) {
  const dist = join(folder, "dist");
  const documented = documentedFiles(folder);
  for (const name of readdirSync(dist, { recursive: true })) {
    const file = join(dist, name);
    if (name.endsWith(".js")) writeFileSync(file, await minified(file));
    else if (name.endsWith(".d.ts") && !documented.has(file)) writeFileSync(file, withoutComments(file));
  }
}

async function minified(file) {
  const { code } = await minify(readFileSync(file, "utf8"), OPTIONS);
  return `${code}\n`;
}

function withoutComments(file) {
  return readFileSync(file, "utf8").replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, "");
}

/** Declarations of what can be imported: the exports themselves, and where they take their names from. */
export function documentedFiles(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [join(folder, types)]));
  const origins = entries.flatMap((entry) => {
    const named = readFileSync(entry, "utf8").matchAll(/^export (?:type )?(?:\*|\{[^}]*\}) from "(\.[^"]+)"/gm);
    return [...named].map(([, path]) => join(dirname(entry), path.replace(/\.[jt]s$/, ".d.ts")));
  });
  return new Set([...entries, ...origins]);
}
