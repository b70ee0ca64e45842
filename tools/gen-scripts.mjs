// The Redis scripts as a TypeScript module: `.lua` files without comments and indentation. A script is sent with those
// functions and constants of the files it includes that it uses, for Redis makes every one anew whenever the script runs.
import { readdirSync, readFileSync } from "node:fs";

const INCLUDE = /^\s*-- @include (\S+)$/;

export function generate(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith(".lua"));
  const sources = new Map(files.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
  const scripts = files.filter((name) => !isPart(name)).toSorted();
  const entries = scripts.map((name) => ({ name, pieces: usedOf(piecesOf(name, sources)) }));
  const used = new Set(entries.flatMap(({ pieces }) => pieces.map(({ key }) => key)));
  const declarations = files
    .filter(isPart)
    .toSorted()
    .flatMap((name) => declarationsOf(name, sources.get(name)));
  const unused = declarations.find(({ key }) => !used.has(key));
  if (unused !== undefined) throw new Error(`${unused.key} is used by no script`);
  return `// Made by tools/gen-scripts.mjs from the .lua files beside it. Do not edit.
import { hash } from "node:crypto";

export type ScriptName = ${scripts.map((name) => `"${nameOf(name)}"`).join(" | ")};

const script = (source: string) => ({ sha1: hash("sha1", source), source });
${declarations.map(({ key, text }) => `const ${key} = ${JSON.stringify(text)};\n`).join("")}
export const SCRIPTS: Readonly<Record<ScriptName, { readonly sha1: string; readonly source: string }>> = {
${entries.map(({ name, pieces }) => `  ${nameOf(name)}: script(${sumOf(pieces)}),\n`).join("")}};
`;
}

/** In order: code of the script itself, and the declarations of what it includes, each file once, where it is named first. */
function piecesOf(name, sources) {
  const pieces = [];
  const included = new Map();
  const add = (file, isInBlock) => {
    if (included.get(file) === false) return;
    if (included.has(file)) throw new Error(`${name}: ${file} is included in a block, and again`);
    included.set(file, isInBlock);
    for (const line of sources.get(file).split("\n")) if (INCLUDE.test(line)) add(INCLUDE.exec(line)[1], isInBlock);
    pieces.push(...declarationsOf(file, sources.get(file)));
  };
  for (const line of sources.get(name).split("\n")) {
    if (INCLUDE.test(line)) add(INCLUDE.exec(line)[1], line.startsWith(" "));
    else if (pieces.at(-1)?.names === null) pieces.at(-1).text += codeOf([line]);
    else pieces.push({ names: null, text: codeOf([line]) });
  }
  return pieces.filter(({ text }) => text !== "");
}

/** Without the declarations that nothing behind them names. */
function usedOf(pieces) {
  const used = [];
  for (const piece of pieces.toReversed()) {
    const isUsed = piece.names === null || piece.names.some((name) => used.some(({ text }) => mentions(text, name)));
    if (isUsed) used.unshift(piece);
  }
  return used;
}

/** What a file declares: each begins with `local` at the start of a line. */
function declarationsOf(file, source) {
  const groups = [];
  for (const line of source.split("\n").filter((each) => codeOf([each]) !== "")) {
    if (line.startsWith("local ")) groups.push([]);
    if (groups.length === 0) throw new Error(`${file}: a part has declarations only`);
    groups.at(-1).push(line);
  }
  return groups.map((lines) => {
    const [, names] = /^local (?:function )?([\w, ]+)/.exec(lines[0]);
    const list = names.split(",").map((name) => name.trim());
    return { key: `${nameOf(file)}_${list[0]}`, names: list, text: codeOf(lines) };
  });
}

/** What Redis runs: comments are for the reader of the .lua file. */
function codeOf(lines) {
  const code = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("--"));
  return code.map((line) => `${line}\n`).join("");
}

function mentions(text, name) {
  return new RegExp(`\\b${name}\\b`).test(text);
}

function sumOf(pieces) {
  return pieces.map(({ key, text }) => key ?? JSON.stringify(text)).join(" + ");
}

function isPart(name) {
  return name.startsWith("_");
}

function nameOf(file) {
  return file.replace(/\.lua$/, "").replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
}
