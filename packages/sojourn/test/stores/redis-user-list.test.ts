/** Listing a user who has very many sessions. */

import { expect, test } from "vitest";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { Environment } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, startRedis } from "../support/redis-server.ts";
import { Wire } from "../support/wire.ts";

test("a list of 1,050 sessions is whole, and has the server read 256 records at once at most", async () => {
  const server = await startRedis();
  const wire = new Wire(await server.client());
  const store = redisStore(wire, { deadline: PATIENT });
  const env = await Environment.over({ store, other: store, clock: manualClock(), close: async () => undefined });
  const made = await Promise.all(Array.from({ length: 1_050 }, () => env.created({ userId: "ada" })));
  const [underWay, most] = [new Set<readonly string[]>(), { records: 0 }];
  wire.before = (words) => {
    if (words[0] === "MGET") underWay.add(words);
    most.records = Math.max(most.records, sum([...underWay].map(({ length }) => length - 1)));
    return undefined;
  };
  wire.after = (words) => {
    underWay.delete(words);
    return undefined;
  };
  const listed = await store.listUser(env.userKey("ada"));
  expect(listed.map(({ id }) => id).toSorted()).toEqual(made.map(({ id }) => id).toSorted());
  expect(most.records).toBe(256);
  await store.close();
  await server.stop();
});

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
