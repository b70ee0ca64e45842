/** What `near` and `stale` may answer. A store without a near cache answers null throughout, which is right too. */

import assert from "node:assert/strict";
import { encodeMetadata } from "../../data/metadata.ts";
import type { SessionRecord } from "../../data/session-record.ts";
import { isRecord, type Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import {
  ABSOLUTE,
  ending,
  endingUser,
  type Environment,
  HOUR,
  type MadeSession,
  MINUTE,
  patch,
  set,
} from "./environment.ts";

/** A near cache may need a moment until it believes what it hears. */
const TRIES = 12;
const TRY_MS = 4;

/** Longer than any lease. */
const STALE_MS = 2 * MINUTE;

/** The copy that each of the two answers. */
function copies(store: Store, id: string): readonly (SessionRecord | null)[] {
  return [store.near(id), store.stale(id, STALE_MS)];
}

/** Has copies kept for `stale`. */
function keepStale({ nearCache }: Store): void {
  if (nearCache !== null) nearCache.staleMs = STALE_MS;
}

async function copyOf(store: Store, id: string): Promise<SessionRecord | null> {
  for (let tries = 0; tries < TRIES; tries++) {
    await store.read(id);
    const copy = store.near(id);
    if (copy !== null) return copy;
    await new Promise((resolve) => setTimeout(resolve, TRY_MS));
  }
  return null;
}

/** The same by the copy that was answered before, as a second request with the same token asks. */
function againOf(store: Store, id: string, record: SessionRecord | null): SessionRecord | null {
  const copy = record?.copy ?? null;
  if (copy === null) return null;
  copy.goodUntil = Number.POSITIVE_INFINITY;
  return store.near(id, copy);
}

const HASH = Buffer.alloc(16, 5);
const SUCCESSOR = { successorHash: HASH, wrap: Buffer.alloc(32, 6), wrapKeyId: 7, replaces: null };

type Write = (store: Store, made: MadeSession) => Promise<unknown>;

const WRITES: Readonly<Record<string, Write>> = {
  patch: (store, { id }) => patch(store, id, [set("a", 1)]),
  touch: (store, { id }) => store.touch({ id, minIntervalMs: 0, confirm: true }),
  rotate: (store, { id, record }) =>
    store.rotate({ id, generation: 0, tokenHash: record.subarray(50, 66), ...SUCCESSOR }),
  confirm: (store, { id }) => store.confirm({ id, generation: 1, tokenHash: HASH, graceMs: MINUTE, heal: true }),
  elevate: (store, { id, record }) =>
    store.elevate({
      id,
      expected: { generation: 0, tokenHash: record.subarray(50, 66), metadata: encodeMetadata({ policy: "test" }) },
      generation: 2,
      tokenHash: HASH,
      metadata: encodeMetadata({ policy: "test" }),
      aal: 2,
      absoluteMs: ABSOLUTE,
    }),
  amend: (store, { id }) => {
    const metadata = encodeMetadata({ policy: "test" });
    return store.amend({ id, expected: metadata, metadata, locked: true });
  },
  revoke: (store, { id }) => store.revoke(ending(id)),
};

export const NEAR_COPIES: readonly ConformanceCase[] = [
  ...Object.entries(WRITES).map(([name, write]) => ({
    name: `near: once ${name} is acknowledged, no state from before it`,
    run: async (env: Environment) => {
      keepStale(env.store);
      const made = await env.created({ userId: "ada" });
      const known = await copyOf(env.store, made.id);
      assert.equal(againOf(env.store, made.id, known), known);
      await env.clock.advance(1);
      const before = await env.store.read(made.id);
      await write(env.store, made);
      const after = await env.store.read(made.id);
      assert.notDeepEqual(after, before, "the write changed nothing");
      for (const copy of copies(env.store, made.id)) {
        assert.ok(copy === null || (isRecord(after) && copy.bytes.equals(after)));
      }
      // Whatever the cache has by now: it is another copy.
      assert.equal(againOf(env.store, made.id, known), null);
    },
  })),
  {
    name: "near: once revokeUser is acknowledged, none of the user's ended sessions",
    async run(env) {
      keepStale(env.store);
      const made = await Promise.all([1, 2, 3].map(() => env.created({ userId: "ada" })));
      await Promise.all(made.map(({ id }) => copyOf(env.store, id)));
      await env.store.revokeUser(endingUser(env.userKey("ada"), made[0]?.id));
      for (const { id } of made.slice(1)) assert.deepEqual(copies(env.store, id), [null, null]);
    },
  },
  {
    name: "near: once create is acknowledged, none of the sessions that it evicted or replaced",
    async run(env) {
      keepStale(env.store);
      const [first, second, replaced] = await Promise.all([1, 2, 3].map(() => env.created({ userId: "ada" })));
      const made = [first, second, replaced].flatMap((each) => each ?? []);
      await Promise.all(made.map(({ id }) => copyOf(env.store, id)));
      const limit = { perUser: 1, onExceed: "evictOldest", confirmGraceMs: MINUTE } as const;
      const replaces = ending(replaced?.id ?? "", "login");
      await env.store.create({ ...env.made({ userId: "ada" }), limit, replaces });
      for (const { id } of made) {
        assert.ok(!isRecord(await env.other.read(id)), "it was not ended");
        assert.deepEqual(copies(env.store, id), [null, null]);
      }
    },
  },
  {
    name: "near: a write while the session is being read is not forgotten",
    async run(env) {
      const { id } = await env.created();
      await copyOf(env.store, id);
      for (let i = 1; i <= 5; i++) {
        await Promise.all([env.store.read(id), patch(env.store, id, [set("a", i)]), env.store.read(id)]);
        const copy = env.store.near(id);
        assert.ok(copy === null || copy.plainData()["a"] === i);
      }
    },
  },
  {
    name: "near: what read answered, and nothing older than a minute",
    async run(env) {
      const { id } = await env.created({ fields: [] });
      const copy = await copyOf(env.store, id);
      const stored = await env.store.read(id);
      assert.ok(copy === null || (isRecord(stored) && copy.bytes.equals(stored)));
      await env.clock.advance(MINUTE + 1);
      assert.equal(againOf(env.store, id, copy), null);
      assert.equal(env.store.near(id), null);
    },
  },
  {
    name: "near: how full the cache is, if there is one",
    async run(env) {
      const { store } = env;
      const { nearCache } = store;
      assert.ok(nearCache === null || (nearCache.size === 0 && nearCache.bytes === 0));
      const { id, record } = await env.created();
      const copy = await copyOf(store, id);
      assert.ok(copy === null || nearCache !== null);
      if (copy === null || nearCache === null) return;
      assert.equal(nearCache.size, 1);
      assert.ok(nearCache.bytes >= record.length);
      await store.revoke(ending(id));
      assert.deepEqual([nearCache.size, nearCache.bytes], [0, 0]);
    },
  },
  {
    name: "stale: what read answered, up to the age that is asked for, and nothing where nothing was",
    async run(env) {
      keepStale(env.store);
      const { id } = await env.created({ fields: [] });
      const near = await copyOf(env.store, id);
      const stored = await env.store.read(id);
      await env.clock.advance(MINUTE + 1);
      assert.equal(env.store.near(id), null);
      const copy = env.store.stale(id, STALE_MS);
      assert.ok(near === null || copy !== null);
      assert.ok(copy === null || (isRecord(stored) && copy.bytes.equals(stored)));
      for (const [each, age] of [
        [id, MINUTE],
        [env.made().id, STALE_MS],
      ] as const) {
        assert.equal(env.store.stale(each, age), null);
      }
      await env.clock.advance(MINUTE);
      assert.equal(env.store.stale(id, STALE_MS), null);
    },
  },
  {
    name: "near: nothing that has expired",
    async run(env) {
      keepStale(env.store);
      const { id } = await env.created({ idleMs: 1_500 });
      const { copy = null } = (await copyOf(env.store, id)) ?? {};
      if (copy !== null) copy.goodUntil = env.store.now(id) + 1_500;
      await env.clock.advance(1_501);
      if (copy !== null) assert.equal(env.store.near(id, copy), null);
      assert.deepEqual(copies(env.store, id), [null, null]);
      await env.store.read(id);
      assert.deepEqual(copies(env.store, id), [null, null]);
    },
  },
  {
    name: "near: nothing for an id that was never read, was ended or never was",
    async run(env) {
      keepStale(env.store);
      const [unread, ended] = [await env.created(), await env.created({ idleMs: HOUR })];
      await copyOf(env.store, ended.id);
      await env.store.revoke(ending(ended.id));
      await env.store.read(ended.id);
      for (const id of [unread.id, ended.id, env.made().id]) assert.deepEqual(copies(env.store, id), [null, null]);
    },
  },
];
