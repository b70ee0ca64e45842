import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { disk } from "../../src/stores/sqlite/diagnosis.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";

async function diagnosed(path: string) {
  const store = sqliteStore(path);
  onTestFinished(() => store.close());
  return store.diagnose();
}

test("a file: which SQLite, that it is durable, and how much room its disk has", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const found = await diagnosed(join(folder, "sessions.db"));
  expect(found).toMatchObject([
    { check: "connection", level: "ok" },
    { check: "server", level: "ok", found: expect.stringMatching(/^SQLite 3\.\d+/) },
    { check: "persistence", level: "ok", found: "journal mode wal, synchronous FULL" },
    { check: "disk", found: expect.stringMatching(/ free$/) },
  ]);
});

test("in memory nothing is kept, which is a warning", async () => {
  expect(await diagnosed(":memory:")).toContainEqual(
    expect.objectContaining({ check: "persistence", level: "warning", fix: expect.stringContaining("a file") }),
  );
});

test("a file that cannot be opened is a finding", async () => {
  expect(await diagnosed("/nowhere/at/all/sessions.db")).toEqual([
    expect.objectContaining({
      check: "connection",
      level: "problem",
      found: expect.stringContaining("could not be opened"),
    }),
  ]);
});

test.each([
  ["ok", 2e9, "2 GB free"],
  ["warning", 9e8, "900 MB free"],
  ["problem", 9e7, "90 MB free"],
  ["problem", 0, "0 bytes free"],
])("a disk is %s with %d bytes", (level, free, found) => {
  expect(disk(free)).toMatchObject({ level, found });
});
