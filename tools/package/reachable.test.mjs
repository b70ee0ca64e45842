import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeUnreachable } from "./reachable.mjs";

void test("declarations and JavaScript that an export leads to stay, each by its own way", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-reachable-"));
  try {
    mkdirSync(join(folder, "dist", "data"), { recursive: true });
    const files = {
      "package.json": JSON.stringify({
        exports: { ".": { types: "./dist/a.d.ts", default: "./dist/a.js" }, "./package.json": "./package.json" },
      }),
      "dist/a.d.ts": 'export { b } from "./data/b.ts";',
      "dist/a.js": 'import "./data/e.js";\nexport { b } from "./data/b.js";\nconst f = await import("./data/f.js");',
      "dist/data/b.d.ts": 'import type { A } from "../a.js"; export declare const b: import("./c.ts").C;',
      "dist/data/b.js": "export const b = 1;",
      "dist/data/c.d.ts": "",
      "dist/data/c.js": "export {};",
      "dist/data/d.d.ts": 'import type { A } from "../a.ts";',
      "dist/data/d.js": 'import "../a.js";',
      "dist/data/e.d.ts": "",
      "dist/data/e.js": "",
      "dist/data/f.js": "",
    };
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    removeUnreachable(folder);
    const left = readdirSync(join(folder, "dist", "data")).toSorted();
    assert.deepEqual(left, ["b.d.ts", "b.js", "c.d.ts", "e.js", "f.js"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
