// The Redis scripts as a TypeScript module: `.lua` files without comments and indentation, each included file once.
import { readdirSync, readFileSync } from "node:fs";

const INCLUDE = /^-- @include (\S+)$/;

export function generate(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith(".lua"));
  const parts = new Map(files.map((name) => [name, partOf(readFileSync(new URL(name, folder), "utf8"), name)]));
  const scripts = files.filter((name) => !isIncluded(name)).toSorted();
  const union = scripts.map((name) => `"${nameOf(name)}"`).join(" | ");
  const included = files.filter(isIncluded).toSorted();
  const texts = included.map((name) => `const ${nameOf(name)} = ${JSON.stringify(parts.get(name).text)};\n`);
  return `// Made by tools/gen-scripts.mjs from the .lua files beside it. Do not edit.
import { hash } from "node:crypto";

export type ScriptName = ${union};

const script = (source: string) => ({ sha1: hash("sha1", source), source });
${texts.join("")}
export const SCRIPTS: Readonly<Record<ScriptName, { readonly sha1: string; readonly source: string }>> = {
${scripts.map((name) => entryOf(name, parts)).join("")}};
`;
}

function entryOf(name, parts) {
  const sum = [...[...allIncludes(name, parts)].map(nameOf), JSON.stringify(parts.get(name).text)];
  return `  ${nameOf(name)}: script(${sum.join(" + ")}),\n`;
}

/** What a file includes, and what those do, each once, where it is named first. */
function allIncludes(name, parts, found = new Set()) {
  for (const other of parts.get(name).includes) {
    if (found.has(other)) continue;
    allIncludes(other, parts, found);
    found.add(other);
  }
  return found;
}

/** What Redis runs of a file itself: comments are for the reader of the .lua file. */
function partOf(source, name) {
  const lines = source.split("\n").map((line) => line.trim());
  const code = lines.filter((line) => line !== "" && !line.startsWith("--"));
  const includes = lines.flatMap((line) => INCLUDE.exec(line)?.[1] ?? []);
  const lastInclude = lines.findLastIndex((line) => INCLUDE.test(line));
  if (lines.indexOf(code[0]) < lastInclude) throw new Error(`${name}: what it includes comes before its code`);
  return { includes, text: `${code.join("\n")}\n` };
}

function isIncluded(name) {
  return name.startsWith("_");
}

function nameOf(file) {
  return file.replace(/\.lua$/, "").replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
}
