import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { faultsOf, packedForServers, unknownSubpaths } from "./tarball.mjs";

const manifest = {
  license: "MIT",
  exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
};
const files = { "README.md": "", LICENSE: "", "dist/index.js": "", "dist/index.d.ts": "" };

function faultsWith({ manifest: changes = {}, files: added = {}, size = 1000, forServers }) {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-tarball-"));
  try {
    const all = { ...files, ...added, "package.json": JSON.stringify({ ...manifest, ...changes }) };
    for (const [path, text] of Object.entries(all).filter(([, value]) => value !== null)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return faultsOf(folder, size, forServers);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void test("a package as it should be has no fault", () =>
  assert.deepEqual(faultsWith({ size: 230_000, forServers: 195_000 }), []));

const wrong = {
  "too large for servers": { forServers: 195_001 },
  "too large": { size: 230_001 },
  "no licence file": { files: { LICENSE: null } },
  "another licence": { manifest: { license: "ISC" } },
  "a dependency": { manifest: { dependencies: { ms: "1" } } },
  "an optional dependency": { manifest: { optionalDependencies: { ms: "1" } } },
  "an install script": { manifest: { scripts: { postinstall: "x" } } },
  "a peer that is not optional": { manifest: { peerDependencies: { redis: "6" } } },
  "a test": { files: { "dist/token.test.js": "" } },
  "a map whose source is not there": { files: { "dist/index.js.map": '{"sources":["../src/index.ts"]}' } },
  "an export without its file": { files: { "dist/index.d.ts": null } },
};

for (const [what, changes] of Object.entries(wrong)) {
  void test(`refused: ${what}`, () => assert.equal(faultsWith(changes).length, 1));
}

void test("a map that holds its source, and a prepack script, are no faults", () => {
  const map = '{"sources":["../src/index.ts"],"sourcesContent":["x"]}';
  assert.deepEqual(faultsWith({ files: { "dist/index.js.map": map }, manifest: { scripts: { prepack: "x" } } }), []);
});

void test("subpaths that a text names must be exported", () => {
  const text = 'import { a } from "sojourn"; import { b } from "sojourn/fetch"; await import("sojourn/package.json");';
  assert.deepEqual(unknownSubpaths(text, manifest), ["./fetch"]);
});

void test("the size for servers leaves the test suites out, and nothing else", () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-tarball-"));
  const noise = () => randomBytes(20_000).toString("base64");
  try {
    mkdirSync(join(folder, "dist", "testing"), { recursive: true });
    writeFileSync(join(folder, "dist", "index.js"), noise());
    const before = packedForServers(folder);
    assert.ok(before > 15_000);
    writeFileSync(join(folder, "dist", "testing", "index.js"), noise());
    assert.ok(packedForServers(folder) < before + 1_000);
    writeFileSync(join(folder, "dist", "testing.js"), noise());
    assert.ok(packedForServers(folder) > before + 15_000);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
