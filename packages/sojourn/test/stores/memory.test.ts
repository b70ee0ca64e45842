import { expect, test } from "vitest";
import { Environment, ending, endingUser, MINUTE } from "../../src/testing/conformance/environment.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { runConformance } from "../support/run-conformance.ts";

runConformance("memory", {
  async open() {
    const clock = manualClock();
    const store = memoryStore({ clock });
    return { store, other: store, clock, close: () => store.close() };
  },
  without: { "operation ids": "no client re-sends to this process's own memory" },
});

/** A clock that counts how often it is asked: each look at a tombstone asks it. */
function countedClock(): { readonly clock: ManualClock; asked: number } {
  const clock = manualClock();
  const counted = {
    asked: 0,
    clock: {
      ...clock,
      now: () => {
        counted.asked += 1;
        return clock.now();
      },
    },
  };
  return counted;
}

async function environmentOf(clock: ManualClock): Promise<Environment> {
  const store = memoryStore({ clock });
  return Environment.over({ store, other: store, clock, close: () => store.close() });
}

test("a create looks at few tombstones however many there are", async () => {
  const counted = countedClock();
  const env = await environmentOf(counted.clock);
  for (let i = 0; i < 500; i++) {
    const { id } = await env.created({ userId: "ada" });
    await env.store.revoke(ending(id));
  }
  const made = env.made();
  counted.asked = 0;
  await env.store.create(made);
  expect(counted.asked).toBeLessThan(10);
});

test("an epoch is forgotten after the time that it must be kept", async () => {
  const clock = manualClock();
  const env = await environmentOf(clock);
  const userKey = env.userKey("ada");
  await env.store.revokeUser({ ...endingUser(userKey), epochKeptMs: MINUTE });
  const soon = env.made({ userId: "ada" });
  const early = await env.store.create(soon);
  expect(early.status === "created" && early.userEpoch).toBeGreaterThan(0);
  await clock.advance(2 * MINUTE);
  const later = env.made({ userId: "ada" });
  expect(await env.store.create(later)).toEqual({ status: "created", userEpoch: 0 });
});
