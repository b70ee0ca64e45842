/** The sqlite engine as a file: who may read it, who may share it, what happens when it is busy or strange. */

import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSessions, type Store } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const original = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, "exec")?.value as DatabaseSync["exec"];

let folder: string;
let path: string;
const opened: Store[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-file-"));
  path = join(folder, "sessions.db");
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await rm(folder, { recursive: true, force: true });
});

function openedStore(options: Parameters<typeof sqliteStore>[1] = {}): Store {
  const made = sqliteStore(path, options);
  opened.push(made);
  return made;
}

test("only its owner may read the file", async () => {
  await openedStore().ready();
  for (const name of ["sessions.db", "sessions.db-wal"]) {
    expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600);
  }
});

test("sessions survive closing and opening again, with the same salt", async () => {
  const first = createSessions({ store: openedStore(), secrets: [TEST_SECRET] });
  const { token } = await first.create({ userId: "ada", data: { a: 1 } });
  await first.close();
  const again = createSessions({ store: openedStore(), secrets: [TEST_SECRET] });
  const result = await again.validate(token);
  expect(result.valid && result.session.data).toEqual({ a: 1 });
  expect(await again.revokeUser("ada")).toEqual({ ended: 1 });
});

test("twenty stores that open one new file at once agree on its salt", async () => {
  const facts = await Promise.all(Array.from({ length: 20 }, () => openedStore().ready()));
  expect(new Set(facts.map(({ salt }) => salt.toString("hex"))).size).toBe(1);
});

test("a write that another writer's lock outlasts is a timeout that was not executed; reads go on", async () => {
  const sessions = createSessions({ store: openedStore({ writeDeadlineMs: 150 }), secrets: [TEST_SECRET] });
  const { token, session } = await sessions.create({ userId: "ada" });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const write = session.set("a", 1);
  expect((await sessions.validate(token)).valid).toBe(true);
  await expect(write).rejects.toMatchObject({ code: "store_unavailable", reason: "timeout", outcome: "not_executed" });
  other.exec("COMMIT");
  other.close();
  await session.set("a", 2);
  expect(await session.get("a")).toBe(2);
});

test("a write waits for another writer's lock without holding the event loop", async () => {
  const sessions = createSessions({ store: openedStore(), secrets: [TEST_SECRET] });
  const { session } = await sessions.create({ userId: "ada" });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  let turns = 0;
  const ticking = setInterval(() => {
    turns += 1;
    if (turns === 20) other.exec("COMMIT");
  }, 2);
  await session.set("a", 1);
  clearInterval(ticking);
  other.close();
  expect(turns).toBeGreaterThanOrEqual(20);
});

test("a file of another namespace, of a newer version, or of something else is refused with a reason", async () => {
  await openedStore({ namespace: "one" }).ready();
  await expect(openedStore({ namespace: "two" }).ready()).rejects.toMatchObject({ code: "config_invalid" });
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 999");
  database.close();
  await expect(openedStore({ namespace: "one" }).ready()).rejects.toMatchObject({ code: "config_invalid" });
  await writeFile(join(folder, "letter.txt"), "Dear reader, this is no database.".repeat(40));
  await expect(openStore(`sqlite:${join(folder, "letter.txt")}`)).rejects.toMatchObject({ code: "store_unavailable" });
  await expect(openStore(`sqlite:${join(folder, "no-such-folder", "x.db")}`)).rejects.toMatchObject({
    code: "store_unavailable",
  });
  expect(() => sqliteStore("")).toThrow(expect.objectContaining({ code: "config_invalid" }));
});

test("a full disk fails the writes of its transaction, all of them and cleanly; the queue goes on", async () => {
  const handles = new Set<DatabaseSync>();
  const exec = vi.spyOn(DatabaseSync.prototype, "exec").mockImplementation(function (this: DatabaseSync, sql) {
    handles.add(this);
    return original.call(this, sql);
  });
  const sessions = createSessions({ store: openedStore(), secrets: [TEST_SECRET] });
  const { session } = await sessions.create({ userId: "ada" });
  exec.mockRestore();
  const [database] = handles;
  // No page more than there are: what a full disk answers.
  database?.exec("PRAGMA max_page_count = 1");
  const writes = Array.from({ length: 5 }, () => sessions.create({ data: { text: "x".repeat(5_000) } }));
  for (const write of await Promise.allSettled(writes)) {
    expect(write).toMatchObject({
      status: "rejected",
      reason: { code: "store_unavailable", reason: "server", outcome: "not_executed" },
    });
  }
  expect(await sessions.count()).toBe(1);
  database?.exec("PRAGMA max_page_count = 100000");
  await session.set("a", 1);
  expect(await session.get("a")).toBe(1);
});

test("a record shorter than a header is no live session, no exception, and ends with its user", async () => {
  const store = openedStore();
  const { session } = await createSessions({ store, secrets: [TEST_SECRET] }).create({ userId: "ada" });
  const other = new DatabaseSync(path);
  const userKey = String(other.prepare("SELECT user_key FROM sessions").get()?.["user_key"]);
  other.exec("UPDATE sessions SET record = x'01'");
  other.close();
  expect(await store.listUser(userKey)).toEqual([]);
  const ending = { userKey, except: session.id, reason: "test", actor: null, epochKeptMs: 60_000 };
  expect(await store.revokeUser(ending)).toEqual({ ended: 0 });
  expect(await store.read(session.id)).toMatchObject({ reason: "test", createdAt: 0 });
});

test("an open that finds the file locked gives up after twice the write deadline", async () => {
  const other = new DatabaseSync(path);
  other.exec("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE");
  const begun = performance.now();
  await expect(openedStore({ writeDeadlineMs: 200 }).ready()).rejects.toMatchObject({ code: "store_unavailable" });
  const waited = performance.now() - begun;
  other.close();
  expect(waited).toBeGreaterThan(390);
  expect(waited).toBeLessThan(900);
});

test("check finds columns that differ from their records, and repairs them", async () => {
  const sessions = createSessions({ store: openedStore(), secrets: [TEST_SECRET] });
  const made = await Promise.all(Array.from({ length: 230 }, () => sessions.create({ userId: "ada" })));
  const database = new DatabaseSync(path);
  database.prepare("UPDATE sessions SET expires_at = 1 WHERE id = ?").run(made[0]?.session.id ?? "");
  database.prepare("UPDATE sessions SET user_key = NULL WHERE id = ?").run(made[1]?.session.id ?? "");
  const differences = { wrong_expiry: 1, not_indexed: 1 };
  expect(await sessions.check()).toMatchObject({ checked: 230, differences });
  // Not due by its record, whatever the column says.
  expect(await sessions.reaper.runOnce()).toEqual({ expired: 0, more: false });
  expect((await sessions.check({ repair: true })).differences).toEqual({ not_indexed: 1 });
  expect(await sessions.check()).toEqual({ checked: 230, differences: {}, examples: [] });
  expect(await sessions.list("ada")).toHaveLength(230);
  database.close();
});
