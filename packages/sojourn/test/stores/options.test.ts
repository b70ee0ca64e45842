/** Options that mean the same on every engine. */

import { expect, test } from "vitest";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { createClient } from "redis";

const client = createClient();
const REFUSED: unknown = expect.objectContaining({ code: "config_invalid" });

test.each([
  ["memory", (namespace: string) => memoryStore({ namespace })],
  ["sqlite", (namespace: string) => sqliteStore(":memory:", { namespace })],
  ["redis", (namespace: string) => redisStore(client, { namespace })],
])("%s takes a namespace of 1–64 plain characters and no other", (_engine, open) => {
  for (const namespace of ["a", "A-z_0.9", "n".repeat(64)]) expect(open(namespace).namespace).toBe(namespace);
  for (const wrong of ["", "a{b}", "a:b", "a b", "é", "n\n", "n".repeat(65), 5, null, {}, ["ab"]]) {
    expect(() => open(wrong as string), JSON.stringify(wrong)).toThrow(REFUSED);
  }
});

test.each([
  ["sqlite writeDeadlineMs", (ms: number) => sqliteStore(":memory:", { writeDeadlineMs: ms })],
  ["redis deadline.readMs", (ms: number) => redisStore(client, { deadline: { readMs: ms } })],
  ["redis deadline.writeMs", (ms: number) => redisStore(client, { deadline: { writeMs: ms } })],
])("%s is a number of milliseconds from 1 to 60000", (_option, open) => {
  for (const ms of [1, 1.5, 60_000]) expect(() => open(ms)).not.toThrow();
  for (const wrong of [0, -1, 60_001, Infinity, Number.NaN, "100", null]) {
    expect(() => open(wrong as number), String(wrong)).toThrow(REFUSED);
  }
});
