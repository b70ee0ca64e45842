import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeUnreachable } from "./declarations.mjs";

void test("declarations that an export leads to stay, and all JavaScript", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-declarations-"));
  try {
    mkdirSync(join(folder, "dist", "data"), { recursive: true });
    const files = {
      "package.json": JSON.stringify({
        exports: { ".": { types: "./dist/a.d.ts" }, "./package.json": "./package.json" },
      }),
      "dist/a.d.ts": 'export { b } from "./data/b.ts";',
      "dist/data/b.d.ts": 'import type { A } from "../a.js"; export declare const b: import("./c.ts").C;',
      "dist/data/c.d.ts": "",
      "dist/data/d.d.ts": 'import type { A } from "../a.ts";',
      "dist/data/d.js": "",
    };
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    removeUnreachable(folder);
    assert.deepEqual(readdirSync(join(folder, "dist", "data")).toSorted(), ["b.d.ts", "c.d.ts", "d.js"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
