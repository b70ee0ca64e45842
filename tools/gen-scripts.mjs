// The Redis scripts as a TypeScript module: `.lua` files with their includes put in place, without comments and indentation.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const INCLUDE = /^-- @include (\S+)$/gm;

export function generate(folder) {
  const read = (name) => readFileSync(new URL(name, folder), "utf8").trimEnd();
  const names = readdirSync(folder).filter((name) => name.endsWith(".lua") && !name.startsWith("_"));
  const scripts = names.toSorted().map((name) => {
    const source = compact(withIncludes(read, name, new Set()));
    const sha1 = createHash("sha1").update(source).digest("hex");
    return { key: nameOf(name), sha1, source };
  });
  const union = scripts.map(({ key }) => `"${key}"`).join(" | ");
  const entries = scripts.map(
    ({ key, sha1, source }) => `  ${key}: {\n    sha1: "${sha1}",\n    source: ${JSON.stringify(source)},\n  },\n`,
  );
  return `// Made by tools/gen-scripts.mjs from the .lua files beside it. Do not edit.
export type ScriptName = ${union};

export const SCRIPTS: Readonly<Record<ScriptName, { readonly sha1: string; readonly source: string }>> = {
${entries.join("")}};
`;
}

/** Included files may include others; each comes once, where it is named first. */
function withIncludes(read, name, included) {
  return read(name).replace(INCLUDE, (_, other) => {
    if (included.has(other)) return "";
    included.add(other);
    return withIncludes(read, other, included);
  });
}

/** What Redis runs: comments are for the reader of the .lua file. */
function compact(source) {
  const lines = source.split("\n").map((line) => line.trim());
  return `${lines.filter((line) => line !== "" && !line.startsWith("--")).join("\n")}\n`;
}

function nameOf(file) {
  return file.replace(/\.lua$/, "").replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
}
