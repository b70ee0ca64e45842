// The Redis scripts as a TypeScript module: `.lua` files with their includes put in place.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const INCLUDE = /^-- @include (\S+)$/gm;

export function generate(folder) {
  const read = (name) => readFileSync(new URL(name, folder), "utf8").trimEnd();
  const names = readdirSync(folder).filter((name) => name.endsWith(".lua") && !name.startsWith("_"));
  const scripts = names.toSorted().map((name) => {
    const source = `${read(name).replace(INCLUDE, (_, included) => read(included))}\n`;
    const sha1 = createHash("sha1").update(source).digest("hex");
    const key = name.replace(/\.lua$/, "").replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
    return `  ${key}: {\n    sha1: "${sha1}",\n    source: ${JSON.stringify(source)},\n  },\n`;
  });
  return `// Made by tools/gen-scripts.mjs from the .lua files beside it. Do not edit.\nexport const SCRIPTS = {\n${scripts.join("")}} as const;\n`;
}
