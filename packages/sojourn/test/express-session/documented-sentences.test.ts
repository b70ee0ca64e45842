import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DOCUMENTED } from "./documented-sentences.ts";

const readmeOf = join(import.meta.dirname, "../../../../node_modules/express-session/README.md");
const inOneLine = (text: string): string => text.replaceAll(/\s+/g, " ");

test("every sentence stands in express-session's readme, and every test that shows it is there", async () => {
  const readme = inOneLine(await readFile(readmeOf, "utf8"));
  expect(DOCUMENTED.filter(({ sentence }) => !readme.includes(sentence))).toEqual([]);
  const files = ["store.test.ts", "express.test.ts"].map((name) => readFile(join(import.meta.dirname, name), "utf8"));
  const tests = inOneLine((await Promise.all(files)).join("\n"));
  const titles = DOCUMENTED.flatMap(({ shownBy }) => shownBy);
  expect(titles.filter((title) => !tests.includes(`"${title}"`))).toEqual([]);
  // No section of what is asked of a store is left out.
  const section = /## Session Store Implementation (.*) ## Compatible Session Stores/.exec(readme)?.[1] ?? "";
  const methods = [...section.matchAll(/### store\.\w+\([^)]*\)(.*?)(?=###|$)/g)].map(([, text = ""]) => text);
  expect(methods).toHaveLength(7);
  for (const text of methods) expect(DOCUMENTED.some(({ sentence }) => text.includes(sentence))).toBe(true);
});
