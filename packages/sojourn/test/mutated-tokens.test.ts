/** 200,000 tokens that are almost genuine: refused without asking the store, without a crash, without keeping anything. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createSessions, memoryStore } from "../src/index.ts";
import { MUTATIONS } from "./support/mutations.ts";
import { Random } from "./support/random.ts";
import { OLDER_SECRET, TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

const SEED = "mutated";
const TOKENS = 200_000;
/** What V8 itself may keep of compiled code and the like. */
const MAX_GROWTH_BYTES = 1_000_000;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapUsed(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test(`A1 A4 A6 N5 ${TOKENS} mutated tokens: none accepted, no store call, no crash, memory flat`, async () => {
  const store = memoryStore();
  const watched = new WatchedStore(store);
  const before = createSessions({ store, secrets: [OLDER_SECRET] });
  const sessions = createSessions({ store: watched.store, secrets: [TEST_SECRET, OLDER_SECRET] });
  const made = await Promise.all(
    Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? sessions : before).create({ userId: `user ${i}` })),
  );
  const genuine = made.map(({ token }) => token);
  watched.calls.length = 0;

  const random = new Random(SEED);
  const isGenuine = new Set<unknown>(genuine);
  const kinds = new Map<string, number>();
  let refused = 0;
  async function refuse(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { name, make } = MUTATIONS[i % MUTATIONS.length] ?? MUTATIONS[0];
      const [token, other] = [random.whole(0, 49), random.whole(0, 49)].map((at) => genuine[at] ?? "");
      const mutated = make(token ?? "", other ?? "", random);
      if (isGenuine.has(mutated)) continue;
      const answer = await sessions.validate(mutated);
      if (answer.valid || answer.reason !== "malformed" || answer.clearCookie) {
        throw new Error(`seed ${SEED}: a token with ${name} was answered ${JSON.stringify(answer)}`);
      }
      if (i % 50 === 0) await refusedByAll(mutated);
      kinds.set(name, (kinds.get(name) ?? 0) + 1);
      refused++;
    }
  }
  async function refusedByAll(token: unknown): Promise<void> {
    expect(await sessions.logout(token)).toBe(false);
    expect(await sessions.rotate(token)).toBeNull();
    expect(await sessions.reauthenticate(token, { userId: "user 1" })).toBeNull();
  }

  await refuse(20_000);
  const heapBefore = heapUsed();
  await refuse(TOKENS);
  const growth = heapUsed() - heapBefore;

  expect(watched.calls).toEqual([]);
  expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  expect([...kinds.keys()].toSorted()).toEqual(MUTATIONS.map(({ name }) => name).toSorted());
  expect(refused).toBeGreaterThan(TOKENS);
  for (const { token } of made) expect((await sessions.validate(token)).valid).toBe(true);
});
