import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { minifyPackage } from "./minify.mjs";

void test("JavaScript gets small and means the same; only what can be imported keeps its documentation", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-minify-"));
  const dist = join(folder, "dist");
  try {
    mkdirSync(dist);
    const doc = "/** What it is. */\n";
    const files = {
      "a.js": "export class LongName {\n    #hidden = 1;\n    get it() {\n        return this.#hidden;\n    }\n}\n",
      "a.d.ts": `${doc}export { type B } from "./b.ts";\nimport type { C } from "./c.ts";\n`,
      "b.d.ts": `${doc}export interface B {\n    /** Told. */\n    b: string;\n}\n`,
      "c.d.ts": `${doc}export interface C {\n    /** Not told. */\n    c: "/** no comment */";\n}\n`,
    };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ exports: { ".": { types: "./dist/a.d.ts" } } }));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dist, name), text);
    await minifyPackage(folder);
    const read = (name) => readFileSync(join(dist, name), "utf8");
    assert.deepEqual([read("a.d.ts"), read("b.d.ts")], [files["a.d.ts"], files["b.d.ts"]]);
    assert.equal(read("c.d.ts"), 'export interface C {\n    c: "/** no comment */";\n}\n');
    assert.ok(read("a.js").length < files["a.js"].length / 1.4);
    const { LongName } = await import(`data:text/javascript,${encodeURIComponent(read("a.js"))}`);
    assert.deepEqual([new LongName().it, LongName.name], [1, "LongName"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
