import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const IMPORT = /(?:from|import\(?)\s*"(\.[^"]+)"/g;

/** Removes the declarations of a built package that no export leads to: nobody can import them. */
export function removeUnreachable(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const reached = new Set();
  for (const { types } of Object.values(exports)) if (types !== undefined) follow(join(folder, types), reached);
  for (const entry of readdirSync(join(folder, "dist"), { recursive: true })) {
    const file = join(folder, "dist", entry);
    if (file.endsWith(".d.ts") && !reached.has(file)) rmSync(file);
  }
}

function follow(file, reached) {
  if (reached.has(file) || !existsSync(file)) return;
  reached.add(file);
  for (const [, path] of readFileSync(file, "utf8").matchAll(IMPORT)) {
    follow(join(dirname(file), path.replace(/\.[jt]s$/, ".d.ts")), reached);
  }
}
