// docs/reference/security-requirements.md from tools/security-rows.json and the titles of the tests that name a row.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { root } from "./tool-paths.mjs";

const NAMED_TESTS = 4;
const TITLE_LENGTH = 90;

/** A title that begins with row ids: "F2 nothing is written …", "H1, H2: the matrix", "A4 N5 input of …". */
const IDS = /^(?:[A-R]\d{1,2}(?:, |: | |$))+/;
const CALL = /\b(?:describe|test|it|on[A-Z]\w*)(?:\.\w+)*\((?=\s*["'`])/g;
/** The second pair of parentheses of `test.each(…)("title"`, and how the first one begins. */
const EACH = /\)\((?=\s*["'`])/g;
const EACH_BEGINS = /\b(?:describe|test|it)(?:\.\w+)*\.(?:each|for|skipIf|runIf)\(/g;
const CASE = /\bname: (?=")/g;
/** What does not run proves nothing. */
const NOT_RUN = /\.(?:todo|skip|skipIf|runIf|fails|only)\b/;

export const { sections, rows } = JSON.parse(readFileSync(join(root, "tools", "security-rows.json"), "utf8"));

/** Row id → titles of tests that name it, in order of file and place. */
export function testsOf(files) {
  const found = new Map();
  for (const { path, text } of files) {
    for (const title of titlesIn(path, text)) {
      for (const id of idsOf(title)) found.set(id, [...(found.get(id) ?? []), title]);
    }
  }
  return found;
}

function titlesIn(path, text) {
  const calls = [...text.matchAll(CALL)].filter(([call]) => !NOT_RUN.test(call));
  const each = [...text.matchAll(EACH)].filter(({ index }) => {
    const [begins] = [...text.slice(0, index).matchAll(EACH_BEGINS)].at(-1) ?? [];
    return begins !== undefined && !NOT_RUN.test(begins);
  });
  const cases = /\/(?:conformance|adapter-contract)\//.test(path) ? [...text.matchAll(CASE)] : [];
  return [...calls, ...each, ...cases]
    .toSorted((a, b) => a.index - b.index)
    .map((match) => literalAt(text, match.index + match[0].length))
    .filter((title) => title !== undefined);
}

function literalAt(text, at) {
  const match = /^\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/.exec(text.slice(at, at + 400));
  return match?.[2].replaceAll(/\\(["'`])/g, "$1");
}

export function idsOf(title) {
  return IDS.exec(title)?.[0].match(/[A-R]\d{1,2}/g) ?? [];
}

/** What stands in the table as state; a row that is "done" without a test is not. */
export function stateOf({ state, by, rest }, tests) {
  const when = typeof by === "number" ? `issue ${by}` : by;
  if (state === "done") return tests.length > 0 ? "done" : "**no test**";
  return state === "partly" ? `partly; ${rest}: ${when}` : `planned (${when})`;
}

/** What is wrong with the rows, seen beside the tests: one line each. */
export function faultsIn(wanted, found) {
  const known = new Set(wanted.map(({ id }) => id));
  return [
    ...wanted
      .filter((row) => row.state === "done" && !found.has(row.id))
      .map(({ id }) => `${id} is done, but no test names it`),
    ...wanted
      .filter((row) => row.state !== "done" && row.by === undefined)
      .map(({ id }) => `${id} does not say what brings it`),
    ...wanted
      .filter((row) => row.state === "partly" && !row.rest)
      .map(({ id }) => `${id} does not say what is missing`),
    ...wanted.filter((row) => !["done", "partly", "planned"].includes(row.state)).map(({ id }) => `${id} has no state`),
    ...[...found].filter(([id]) => !known.has(id)).map(([id, titles]) => `"${titles[0]}" names ${id}, which is no row`),
  ];
}

export function testFiles() {
  return ["packages", "e2e", "examples"]
    .flatMap((folder) => filesIn(join(root, folder)))
    .filter((file) => /\.test\.tsx?$|\/testing\/(?:conformance|adapter-contract)\/\w[\w-]*\.ts$/.test(file))
    .map((file) => ({ path: file, text: readFileSync(join(root, file), "utf8") }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : [relative(root, path).replaceAll(sep, "/")];
  });
}

export function generate() {
  const found = testsOf(testFiles());
  const count = (state) => rows.filter((row) => row.state === state).length;
  const lines = rows.map((row) => tableRow(row, found.get(row.id) ?? []));
  return `<!-- Made by tools/gen-security.mjs from tools/security-rows.json and the titles of the tests. Do not edit. -->

# Security requirements

What OWASP ASVS 5.0, NIST SP 800-63B-4, the cookie specifications and the advisories of other session libraries ask of a
session layer, ${rows.length} rows. A test names the rows that it proves at the beginning of its title. Applies: **L** library,
**M** middleware, **S** service, **U** admin UI, **C** command line; *done* speaks of library and middleware. ${count("done")} are done,
${count("partly")} partly, ${count("planned")} planned. \`npm run security:table\` fails when a row that is done has no test.

| row | section | requirement | applies | tests | state |
|---|---|---|---|---|---|
${lines.join("\n")}
`;
}

function tableRow(row, tests) {
  const titles = [...new Set(tests)].map((title) => cell(shortened(title)));
  const more = titles.length > NAMED_TESTS ? `<br>… and ${titles.length - NAMED_TESTS} more` : "";
  const named = titles.slice(0, NAMED_TESTS).join("<br>") + more;
  return `| ${row.id} | ${sections[row.id[0]]} | ${cell(row.requirement)} | ${row.applies} | ${named} | ${stateOf(row, tests)} |`;
}

function shortened(title) {
  const [ids] = IDS.exec(title);
  const words = title.slice(ids.length).replaceAll(/\s+/g, " ").trim();
  return words.length > TITLE_LENGTH ? `${words.slice(0, TITLE_LENGTH - 1).trimEnd()}…` : words;
}

function cell(text) {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
