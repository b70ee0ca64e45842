/** Cases: events, each written by the step that it tells of, and read at least once. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { decodeMetadata, encodeMetadata } from "../../data/metadata.ts";
import { userHashIn } from "../../store/placement.ts";
import type { ConsumerOptions, EventReader, SessionEvent } from "../../store/events.ts";
import type { Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, endingUser, type Environment, HOUR, IDLE, MINUTE, patch, set } from "./environment.ts";

const CONSUMER: ConsumerOptions = { group: "audit", consumer: "one", claimAfterMs: HOUR };
/** Longer than any engine takes to give what is there. */
const PATIENCE_MS = 5_000;

/** Takes until nothing comes any more, and acknowledges it. */
async function drained(reader: EventReader): Promise<SessionEvent[]> {
  const all: SessionEvent[] = [];
  for (;;) {
    const events = await reader.take(0);
    if (events.length === 0) return all;
    all.push(...events);
    await reader.acknowledge(events);
  }
}

async function allEvents(store: Store, consumer = CONSUMER): Promise<SessionEvent[]> {
  const reader = store.readEvents(consumer);
  const events = await drained(reader);
  reader.stop();
  return events;
}

function typesOf(events: readonly SessionEvent[]): string[] {
  return events.map(({ type }) => type);
}

async function confirmed(env: Environment, id: string): Promise<void> {
  const { generation, tokenHash } = await env.record(id);
  const successorHash = randomBytes(16);
  const rotation = { id, generation, tokenHash, successorHash, wrap: randomBytes(32), wrapKeyId: 1, replaces: null };
  await env.store.rotate(rotation);
  const confirmation = { id, generation: generation + 1, tokenHash: successorHash, graceMs: MINUTE, heal: false };
  for (const store of [env.store, env.other]) assert.equal((await store.confirm(confirmation)).status, "confirmed");
}

export const EVENTS: readonly ConformanceCase[] = [
  {
    name: "each beginning and ending is one event, which says what happened and no more",
    async run(env) {
      const { id, userKey, record } = await env.created({ userId: "ada" });
      await env.other.create({ id, userKey, record });
      await env.clock.advance(MINUTE);
      for (const store of [env.store, env.other]) await store.revoke({ id, reason: "stolen ✓", actor: "admin-1" });
      const [created, ended, ...more] = await allEvents(env.other);
      const createdAt = record.readUIntBE(14, 6);
      const session = { sessionId: id, userHash: userHashIn(env.userKey("ada")), sessionCreatedAt: createdAt };
      assert.ok(created?.type === "created" && ended?.type === "ended");
      assert.deepEqual(created, { ...session, id: created.id, type: "created", at: created.at });
      const durationMs = ended.at - createdAt;
      const rest = { reason: "stolen ✓", actor: "admin-1", durationMs };
      assert.deepEqual(ended, { ...session, ...rest, id: ended.id, type: "ended", at: ended.at });
      assert.ok(Math.abs(created.at - createdAt) < PATIENCE_MS);
      assert.ok(durationMs >= MINUTE && durationMs < MINUTE + PATIENCE_MS);
      assert.notEqual(created.id, ended.id);
      assert.deepEqual(more, []);
    },
  },
  {
    name: "whatever ends sessions makes one event for each; an expired one ended at its expiry",
    async run(env) {
      const limit = { perUser: 1, onExceed: "evictOldest", confirmGraceMs: 0 } as const;
      const evicted = await env.created({ userId: "ada" });
      await env.store.create({ ...env.made({ userId: "ada" }), limit });
      for (let i = 0; i < 3; i++) await env.created({ userId: "grace" });
      await env.store.revokeUser(endingUser(env.userKey("grace")));
      const due = await env.created();
      const reaped = await env.created();
      await env.clock.advance(IDLE + MINUTE);
      await env.store.expire(due.id);
      for (let part = 0; part < env.store.parts; part++) await env.store.reap({ part, notWithinMs: 0 });
      const events = await allEvents(env.store);
      const endings = events.flatMap((event) => (event.type === "ended" ? [event] : []));
      const reasonOf = new Map(endings.map(({ sessionId, reason }) => [sessionId, reason]));
      assert.equal(events.filter(({ type }) => type === "created").length, 7);
      assert.equal(endings.length, 7);
      assert.equal(reasonOf.get(evicted.id), "evicted");
      assert.equal([...reasonOf.values()].filter((reason) => reason === "test").length, 3);
      for (const { id, record } of [due, reaped]) {
        const event = endings.find(({ sessionId }) => sessionId === id);
        assert.equal(event?.reason, "expired");
        assert.equal(event.at, record.readUIntBE(14, 6) + IDLE);
        assert.deepEqual([event.durationMs, event.userHash], [IDLE, null]);
      }
      const { created, ended } = await env.store.totals();
      assert.equal(
        created,
        [...ended.values()].reduce((sum, count) => sum + count),
      );
    },
  },
  {
    name: "confirm, elevate and amend with a note make an event, sent again none; patch, touch and rotate make none",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await confirmed(env, id);
      const record = await env.record(id);
      const expected = { generation: record.generation, tokenHash: record.tokenHash, metadata: record.metadataBytes() };
      const elevation = { id, expected, generation: 9, tokenHash: randomBytes(16), metadata: expected.metadata };
      for (const store of [env.store, env.other]) await store.elevate({ ...elevation, aal: 2, absoluteMs: HOUR });
      await patch(env.store, id, [set("a", 1)]);
      await env.store.touch({ id, minIntervalMs: 0, confirm: true });
      const before = (await env.record(id)).metadataBytes();
      const moved = encodeMetadata({ ...decodeMetadata(before.toString()), serverId: "web-2" });
      const event = { type: "migrated", detail: "web-1 → web-2" } as const;
      const amendment = { id, expected: before, metadata: moved, event };
      for (const store of [env.store, env.other]) await store.amend(amendment);
      await env.store.amend({ id, expected: moved, metadata: before });
      const events = await allEvents(env.other);
      assert.deepEqual(typesOf(events), ["created", "rotated", "elevated", "migrated"]);
      const [, rotated, , migrated] = events;
      assert.ok(rotated?.type === "rotated" && migrated?.type === "migrated");
      assert.deepEqual([rotated.detail, migrated.detail], [null, "web-1 → web-2"]);
      assert.deepEqual([rotated.sessionId, rotated.userHash], [id, userHashIn(env.userKey("ada"))]);
    },
  },
  {
    name: "every group gets every event, and within a group one consumer does",
    async run(env) {
      const made = await Promise.all(Array.from({ length: 150 }, (_, i) => env.created({ userId: `user-${i}` })));
      await Promise.all(made.slice(0, 50).map(({ id }) => env.store.revoke(ending(id))));
      const [one, two] = [env.store.readEvents(CONSUMER), env.other.readEvents({ ...CONSUMER, consumer: "two" })];
      const shares = await Promise.all([drained(one), drained(two)]);
      const ids = shares.flat().map(({ id }) => id);
      assert.equal(ids.length, 200);
      assert.equal(new Set(ids).size, 200);
      const others = await allEvents(env.other, { ...CONSUMER, group: "mail" });
      assert.deepEqual(new Set(others.map(({ id }) => id)), new Set(ids));
      assert.deepEqual(await allEvents(env.store), []);
      for (const reader of [one, two]) reader.stop();
    },
  },
  {
    name: "what was not acknowledged comes again with the same id: to the same consumer, or later to another one",
    async run(env) {
      await env.created({ userId: "ada" });
      await env.created({ userId: "ada" });
      const died = env.store.readEvents(CONSUMER);
      const [first, second] = await died.take(0);
      assert.ok(first !== undefined && second !== undefined);
      await died.acknowledge([first]);
      died.stop();
      const idsFor = async (consumer: ConsumerOptions): Promise<string[]> => {
        const reader = env.other.readEvents(consumer);
        const events = await reader.take(0);
        reader.stop();
        return events.map(({ id }) => id);
      };
      assert.deepEqual(await idsFor({ ...CONSUMER, consumer: "two" }), []);
      assert.deepEqual(await idsFor(CONSUMER), [second.id]);
      // Redis judges by its own clock: no test can set it forward.
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(await idsFor({ ...CONSUMER, consumer: "two", claimAfterMs: 10 }), [second.id]);
      assert.deepEqual(await idsFor(CONSUMER), []);
    },
  },
  {
    name: "a reader that waits hears of a new event, and of its end when it is stopped",
    async run(env) {
      const reader = env.store.readEvents(CONSUMER);
      assert.deepEqual(await reader.take(0), []);
      const taking = reader.take(PATIENCE_MS);
      const { id } = await env.created({ userId: "ada" });
      const [event] = await taking;
      assert.ok(event?.type === "created" && event.sessionId === id);
      await reader.acknowledge([event]);
      const waiting = reader.take(PATIENCE_MS);
      reader.stop();
      assert.deepEqual(await waiting, []);
    },
  },
  {
    name: "a listener hears of what its store did, with the ids that consumers get, until it stops",
    async run(env) {
      const heard: SessionEvent[] = [];
      const stop = env.store.onEvent((event) => heard.push(event));
      const made = await env.created({ userId: "ada" });
      await env.store.create(made);
      await confirmed(env, made.id);
      for (let i = 0; i < 3; i++) await env.created({ userId: "ada" });
      await env.store.revokeUser(endingUser(env.userKey("ada")));
      stop();
      await env.created({ userId: "ada" });
      assert.deepEqual(typesOf(heard), [
        "created",
        "rotated",
        ...Array<string>(3).fill("created"),
        ...Array<string>(4).fill("ended"),
      ]);
      assert.deepEqual((await allEvents(env.store)).slice(0, -1), heard);
    },
  },
];
