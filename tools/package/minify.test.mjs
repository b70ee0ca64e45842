import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { minifyPackage } from "./minify.mjs";

const folder = mkdtempSync(join(tmpdir(), "sojourn-minify-"));
const dist = join(folder, "dist");
const read = (name) => readFileSync(join(dist, name), "utf8");
after(() => rmSync(folder, { recursive: true, force: true }));

const doc = "/** What it is. */\n";
const files = {
  "a.js":
    'import { seen } from "./shared.js";\nimport { basename } from "node:path";\nexport class LongError extends Error {\n    #hidden = basename("x/1");\n    get it() {\n        return this.#hidden;\n    }\n}\nexport { seen };\n',
  "deep/b.js": 'import { seen } from "../shared.js";\nexport function see(what) {\n    seen.add(what);\n}\n',
  "shared.js": "export const seen = new Set();\n",
  "a.d.ts": `${doc}export { type B } from "./b.ts";\nimport type { C } from "./c.ts";\nimport { type C, type SomeOptions } from "./some-options.ts";\n`,
  "b.d.ts": `${doc}export interface B {\n    /** Told. */\n    b: string;\n}\n`,
  "some-options.d.ts": `import type { MoreOptions } from "./more-options.ts";\n${doc}export interface SomeOptions extends MoreOptions {\n}\n`,
  "more-options.d.ts": `${doc}export interface MoreOptions {\n    /** Told. */\n    more: string;\n}\n`,
  "c.d.ts": `${doc}export interface C {\n    /** Not told. */\n    c: "/** no comment */";\n}\n`,
};
const manifest = {
  type: "module",
  exports: {
    ".": { types: "./dist/a.d.ts", default: "./dist/a.js" },
    "./b": { default: "./dist/deep/b.js" },
    "./package.json": "./package.json",
  },
};

void test("what exports share stays one thing, names of errors stay, and only what can be imported is documented, with the options it takes", async () => {
  mkdirSync(join(dist, "deep"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dist, name), text);
  await minifyPackage(folder);
  assert.equal(existsSync(join(dist, "shared.js")), false);
  await works();
  for (const name of ["a.d.ts", "b.d.ts", "some-options.d.ts", "more-options.d.ts"])
    assert.equal(read(name), files[name]);
  assert.equal(read("c.d.ts"), 'export interface C {\n    c: "/** no comment */";\n}\n');
});

void test("a package that is small already works as before", async () => {
  await minifyPackage(folder);
  await works();
});

async function works() {
  const [a, b] = await Promise.all(
    ["a.js", "deep/b.js"].map((name) => import(`${pathToFileURL(join(dist, name)).href}?${read("a.js").length}`)),
  );
  assert.deepEqual([new a.LongError().it, a.LongError.name], ["1", "LongError"]);
  b.see("this");
  assert.deepEqual([...a.seen], ["this"]);
}
