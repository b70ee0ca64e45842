import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type KeyTable, measureKeys } from "./support/key-table.ts";

/** What stays when nobody has a session: facts, events and totals. */
const KEPT = ["sojourn:c", "sojourn:e:{tag}", "sojourn:t:{tag}"];

let table: KeyTable;

beforeAll(async () => {
  table = await measureKeys();
});

test("every kind of key is written, and each dies by itself, when empty, or is one of those that are kept", () => {
  expect(Object.fromEntries(table.rows.map(({ key, type, dies }) => [key, `${type}, ${dies}`]))).toEqual({
    "sojourn:a:{tag}:…": "list, within 24 h",
    "sojourn:b:{tag}": "set, when empty",
    "sojourn:c": "hash, kept",
    "sojourn:d:{tag}:…": "string, within 60 min",
    "sojourn:e:{tag}": "stream, kept",
    "sojourn:f:{tag}": "hash, within 732 d",
    "sojourn:g:{tag}": "set, within 732 d",
    "sojourn:k": "string, within 90 d",
    "sojourn:k:{tag}": "string, within 90 d",
    "sojourn:l:{tag}": "string, within 10 min",
    "sojourn:m:{tag}:s:…": "hash, within 26 h",
    "sojourn:m:{tag}:v:…": "list, within 30 d",
    "sojourn:n:{tag}": "zset, when empty",
    "sojourn:o:{tag}:…": expect.stringMatching(/^string, within \d+ s$/),
    "sojourn:s:{tag}:…": "string, within 31 d",
    "sojourn:t:{tag}": "hash, kept",
    "sojourn:u:{tag}:…": "zset, within 31 d",
    "sojourn:v:{tag}:…": "string, within 90 d",
    "sojourn:w:{tag}:…": "string, within 24 h",
    "sojourn:x:{tag}": "zset, when empty",
    "sojourn:y:{tag}": "zset, within 24 h",
  });
});

test("docs/reference/redis.md names each of them, with its type", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/reference/redis.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(sojourn:[^`]*)` \| (\w+) \|/gm)].map(([, key, type]) => `${key} ${type}`);
  expect(rows.toSorted()).toEqual(table.rows.map(({ key, type }) => `${key} ${type}`).toSorted());
});

test("with all sessions over and the longest retention past, only what is kept is there, and DBSIZE says so", () => {
  expect(table.left).toEqual(KEPT);
  expect(table.size).toBe(table.keysLeft);
});
