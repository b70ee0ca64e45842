/** Cases: rotate, confirm, elevate, and the ending of a reused token. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SessionRecord } from "../../data/session-record.ts";
import { type ElevateInput, isRecord, type RotateInput, type Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ABSOLUTE, ending, type Environment, HOUR, IDLE, MINUTE, patch, set } from "./environment.ts";

const GRACE = 30_000;

/** A renewal of the current token with a successor of its own. @internal */
export async function renewal(env: Environment, id: string): Promise<RotateInput> {
  const record = await env.record(id);
  return {
    id,
    generation: record.generation,
    tokenHash: Buffer.from(record.tokenHash),
    successorHash: randomBytes(16),
    wrap: randomBytes(32),
    wrapKeyId: 4_000_000_000,
    replaces: null,
  };
}

/** @internal */
export function confirmation(input: RotateInput, heal = false) {
  return { id: input.id, generation: input.generation + 1, tokenHash: input.successorHash, graceMs: GRACE, heal };
}

async function renewed(env: Environment, id: string): Promise<RotateInput> {
  const input = await renewal(env, id);
  await env.store.rotate(input);
  await env.store.confirm(confirmation(input));
  return input;
}

/** @internal */
export async function elevation(env: Environment, id: string, aal = 2): Promise<ElevateInput> {
  const record = await env.record(id);
  const { generation, tokenHash } = record;
  return {
    id,
    expected: { generation, tokenHash: Buffer.from(tokenHash), metadata: Buffer.from(record.metadataBytes()) },
    generation: generation + 2,
    tokenHash: randomBytes(16),
    metadata: Buffer.from('{"p":"test","m":["pwd","otp"]}'),
    aal,
    absoluteMs: 2 * ABSOLUTE,
  };
}

async function pendingOf(store: Store, input: RotateInput): Promise<string> {
  const outcome = await store.rotate(input);
  assert.equal(outcome.status, "pending");
  return outcome.status === "pending"
    ? (new SessionRecord(outcome.record).rotation?.otherHash.toString("hex") ?? "")
    : "";
}

export const TOKENS: readonly ConformanceCase[] = [
  {
    name: "E3 fifty racers that rotate one token get one successor; the current token stays",
    async run(env) {
      const { id } = await env.created({
        userId: "ada",
        fields: [{ name: "a", encrypted: false, bytes: Buffer.from("1") }],
      });
      const inputs = await Promise.all(Array.from({ length: 50 }, () => renewal(env, id)));
      const before = await env.record(id);
      const winners = await Promise.all(
        inputs.map((input, i) => pendingOf(i % 2 === 0 ? env.store : env.other, input)),
      );
      assert.equal(new Set(winners).size, 1);
      const after = await env.record(id);
      assert.deepEqual([after.generation, after.tokenHash, after.revision], [before.generation, before.tokenHash, 0]);
      assert.deepEqual([after.plainData(), after.userId, after.expiresAt], [{ a: 1 }, "ada", before.expiresAt]);
      assert.equal(after.rotation?.wrapKeyId, 4_000_000_000);
    },
  },
  {
    name: "rotate replaces the pending successor that it names and no other, and answers stale for a token that is not current",
    async run(env) {
      const { id } = await env.created();
      const first = await renewal(env, id);
      await env.store.rotate(first);
      const second = { ...first, successorHash: randomBytes(16) };
      assert.equal(await pendingOf(env.other, second), first.successorHash.toString("hex"));
      const replacing = (replaces: Buffer) => ({ ...first, successorHash: randomBytes(16), replaces });
      const racers = [replacing(first.successorHash), replacing(first.successorHash)];
      const pending = await Promise.all(racers.map((each, i) => pendingOf(i === 0 ? env.store : env.other, each)));
      assert.equal(new Set(pending).size, 1);
      assert.notEqual(pending[0], first.successorHash.toString("hex"));
      assert.equal(await pendingOf(env.other, replacing(randomBytes(16))), pending[0]);
      const stale = await env.store.rotate({ ...first, tokenHash: randomBytes(16) });
      assert.equal(stale.status, "stale");
      assert.equal((await env.store.rotate({ ...first, generation: 5 })).status, "stale");
    },
  },
  {
    name: "confirm makes the successor current, keeps its predecessor for the grace, and sent again answers the same",
    async run(env) {
      const { id, record } = await env.created({ userId: "ada" });
      const input = await renewal(env, id);
      await env.store.rotate(input);
      const first = await env.store.confirm(confirmation(input));
      const again = await env.other.confirm(confirmation(input));
      assert.deepEqual(again, first);
      const after = await env.record(id);
      assert.equal(after.generation, 1);
      assert.deepEqual(after.tokenHash, input.successorHash);
      assert.equal(after.rotation?.state, "confirmed");
      assert.deepEqual(after.rotation.otherHash, record.subarray(50, 66));
      assert.deepEqual(after.rotation.wrap, input.wrap);
      const grace = after.rotation.graceUntil - env.store.now();
      assert.ok(grace > GRACE - 5_000 && grace <= GRACE + 1_000, `grace ${grace}`);
    },
  },
  {
    name: "confirm of a successor that the store does not know is stale, unless it is to be healed and the next generation",
    async run(env) {
      const { id } = await env.created();
      const input = await renewal(env, id);
      assert.equal((await env.store.confirm(confirmation(input))).status, "stale");
      assert.equal((await env.store.confirm({ ...confirmation(input, true), generation: 2 })).status, "stale");
      assert.equal((await env.store.confirm(confirmation(input, true))).status, "confirmed");
      const after = await env.record(id);
      assert.deepEqual([after.generation, after.tokenHash], [1, input.successorHash]);
    },
  },
  {
    name: "the wrapped secret is gone with the first touch or patch after the grace",
    async run(env) {
      const touch = async (id: string): Promise<unknown> => env.store.touch({ id, minIntervalMs: 0, confirm: false });
      const write = async (id: string): Promise<unknown> => patch(env.store, id, [set("a", 1)]);
      for (const change of [touch, write]) {
        for (const userId of ["ada", undefined]) {
          const { id } = await env.created(userId === undefined ? {} : { userId });
          const { wrap, wrapKeyId } = await renewed(env, id);
          await change(id);
          assert.deepEqual((await env.record(id)).rotation?.wrap, wrap);
          await env.clock.advance(GRACE + 2_000);
          await change(id);
          const { rotation } = await env.record(id);
          assert.deepEqual(rotation?.wrap, Buffer.alloc(32));
          assert.equal(rotation.wrapKeyId, wrapKeyId);
        }
      }
    },
  },
  {
    name: "E5 revoke for reuse ends the session only after the grace, above the floor, for an older generation",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await renewed(env, id);
      const reuse = (reusedGeneration: number) => env.store.revoke({ ...ending(id, "reused"), reusedGeneration });
      assert.deepEqual(await reuse(0), { ended: false, record: null });
      await env.clock.advance(GRACE + 2_000);
      assert.deepEqual(await reuse(1), { ended: false, record: null });
      assert.equal((await env.record(id)).generation, 1);
      assert.deepEqual(await reuse(0), { ended: true, record: null });
      assert.equal(isRecord(await env.store.read(id)), false);
      const elevated = await env.created({ userId: "ada" });
      await env.store.elevate(await elevation(env, elevated.id));
      const below = await env.store.revoke({ ...ending(elevated.id, "reused"), reusedGeneration: 1 });
      assert.deepEqual(below, { ended: false, record: null });
    },
  },
  {
    name: "E1 elevate replaces every token at once, raises the level, and begins both timeouts anew",
    async run(env) {
      const { id } = await env.created({
        userId: "ada",
        fields: [{ name: "a", encrypted: false, bytes: Buffer.from('"x"') }],
      });
      await env.store.rotate(await renewal(env, id));
      await env.clock.advance(30 * MINUTE);
      const input = await elevation(env, id);
      const outcome = await env.store.elevate(input);
      assert.equal(outcome.status, "elevated");
      assert.deepEqual(await env.other.elevate(input), outcome);
      const after = await env.record(id);
      assert.deepEqual([after.generation, after.floor, after.aal, after.rotation], [2, 2, 2, null]);
      assert.deepEqual(after.tokenHash, input.tokenHash);
      assert.deepEqual(after.metadata(), { policy: "test", amr: ["pwd", "otp"] });
      assert.deepEqual([after.plainData(), after.userId], [{ a: "x" }, "ada"]);
      assert.equal(after.absoluteExpiresAt - after.authenticatedAt, 2 * ABSOLUTE);
      assert.equal(after.expiresAt - after.lastSeenAt, IDLE);
      await env.clock.advance(45 * MINUTE);
      assert.equal(await env.store.count(), 1);
      assert.equal((await env.store.listUser(env.userKey("ada"))).length, 1);
    },
  },
  {
    name: "elevate of what changed meanwhile is stale and changes nothing",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      const [first, second] = [await elevation(env, id, 2), await elevation(env, id, 3)];
      const outcomes = await Promise.all([env.store.elevate(first), env.other.elevate(second)]);
      assert.deepEqual(outcomes.map((each) => each.status).toSorted(), ["elevated", "stale"]);
      const input = await elevation(env, id);
      const before = await env.store.read(id);
      const outdated = { ...input, expected: { ...input.expected, metadata: Buffer.from("{}") } };
      assert.equal((await env.store.elevate(outdated)).status, "stale");
      assert.deepEqual(await env.store.read(id), before);
    },
  },
  {
    name: "a record of a newer version is not rotated, confirmed, elevated or ended for reuse, and stays as it is",
    async run(env) {
      const made = env.made();
      await env.store.create(made);
      const [rotate, elevate] = [await renewal(env, made.id), await elevation(env, made.id)];
      const { id } = env.made();
      const newer = Buffer.from(made.record);
      newer.writeUInt8(2, 0);
      await env.store.create({ id, userKey: null, record: newer });
      const unsupported = { reason: "unsupported_record" };
      await assert.rejects(env.store.rotate({ ...rotate, id }), unsupported);
      await assert.rejects(env.store.confirm({ ...confirmation(rotate, true), id }), unsupported);
      await assert.rejects(env.store.elevate({ ...elevate, id }), unsupported);
      await assert.rejects(env.store.revoke({ ...ending(id), reusedGeneration: 0 }), unsupported);
      assert.deepEqual(await env.store.read(id), newer);
    },
  },
  {
    name: "F2 rotate, confirm and elevate that race with a revoke never bring the session back",
    async run(env) {
      for (let round = 0; round < 10; round++) {
        const { id } = await env.created({ userId: "ada" });
        const [input, elevated] = [await renewal(env, id), await elevation(env, id)];
        const racers = [env.store, env.other].flatMap((store) => [
          store.rotate(input),
          store.confirm(confirmation(input, true)),
          store.elevate(elevated),
        ]);
        await env.store.revoke(ending(id));
        assert.equal(isRecord(await env.other.read(id)), false);
        await Promise.all(racers);
        assert.equal(isRecord(await env.store.read(id)), false);
        assert.equal((await env.other.rotate(input)).status, "gone");
        assert.deepEqual(await env.store.listUser(env.userKey("ada")), []);
      }
      assert.equal(await env.store.count(), 0);
    },
  },
  {
    name: "F2 rotate, confirm and elevate bring back nothing that was ended or is over",
    async run(env) {
      const [ended, over] = [await env.created(), await env.created()];
      const inputs = [await renewal(env, ended.id), await renewal(env, over.id)];
      const elevations = [await elevation(env, ended.id), await elevation(env, over.id)];
      await env.store.revoke(ending(ended.id));
      await env.clock.advance(HOUR + MINUTE);
      const later = await env.created();
      for (const input of inputs) {
        assert.equal((await env.store.rotate(input)).status, "gone");
        assert.equal((await env.store.confirm(confirmation(input, true))).status, "gone");
      }
      for (const input of elevations) assert.equal((await env.store.elevate(input)).status, "gone");
      assert.equal(await env.store.count(), 1);
      const late = { notAfter: env.store.now() - 1000 };
      await assert.rejects(env.store.rotate(await renewal(env, later.id), late), { reason: "late" });
      await assert.rejects(env.store.elevate(await elevation(env, later.id), late), { reason: "late" });
      assert.deepEqual(await env.store.read(later.id), later.record);
    },
  },
];
