/** Writes that no session can hold: refused where they are asked for, for a store that must look at them is there for nobody else. */

import { expect, test } from "vitest";
import { createSessions } from "../src/index.ts";
import type { PatchInput } from "../src/store/store.ts";
import { memoryStore } from "../src/stores/memory/memory-store.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const MEGABYTE = 1_048_576;

/** A session, and the sizes of the patches that its store is asked for. */
async function begun() {
  const store = memoryStore();
  const patches: number[] = [];
  const patch = store.patch.bind(store);
  store.patch = (input: PatchInput) => {
    patches.push(input.changes.length);
    return patch(input);
  };
  const sessions = createSessions({ store, secrets: [TEST_SECRET] });
  const { session } = await sessions.create({ userId: "ada" });
  return { session, patches };
}

test("M3 a value that no session can hold is refused without asking the store", async () => {
  const { session, patches } = await begun();
  const large = "x".repeat(MEGABYTE);
  const refused = { code: "data_too_large", maxBytes: 10_240, bytes: MEGABYTE + 2 + "note".length };
  await expect(session.set("note", large)).rejects.toMatchObject(refused);
  await expect(session.update((draft) => void (draft["note"] = large))).rejects.toMatchObject(refused);
  expect(patches).toEqual([]);
});

test("M3 so are more fields than a session can have", async () => {
  const { session, patches } = await begun();
  const many = (draft: Record<string, unknown>): void => {
    for (let i = 0; i < 257; i++) draft[`field${i}`] = i;
  };
  await expect(session.update(many)).rejects.toMatchObject({ code: "too_many_fields" });
  expect(patches).toEqual([]);
});

test("M3 writes of one tick come in calls of a bounded size, in their order", async () => {
  const { session, patches } = await begun();
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => session.set("n", i)));
  expect(patches).toEqual([256, 256, 256, 232]);
  expect(await session.get("n")).toBe(999);
  patches.length = 0;
  const half = "x".repeat(MEGABYTE / 2 + 1);
  const results = await Promise.allSettled([1, 2, 3, 4].map((i) => session.set(`large${i}`, half)));
  expect(results.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
  expect(Math.max(...patches)).toBe(2);
});
