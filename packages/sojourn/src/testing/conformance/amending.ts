/** Metadata that changes while a session goes on: server, security state, lock. */

import assert from "node:assert/strict";
import { decodeMetadata, encodeMetadata } from "../../data/metadata.ts";
import type { AmendInput } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, type Environment, HOUR, IDLE, MINUTE, patch, set } from "./environment.ts";

/** @internal */
export async function amendment(env: Environment, id: string, serverId: string): Promise<AmendInput> {
  const expected = (await env.record(id)).metadataBytes();
  return { id, expected, metadata: encodeMetadata({ ...decodeMetadata(expected.toString()), serverId }) };
}

export const AMENDING: readonly ConformanceCase[] = [
  {
    name: "amend changes the metadata and nothing else",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await patch(env.store, id, [set("a", "x")]);
      await env.clock.advance(MINUTE);
      const before = await env.record(id);
      const outcome = await env.store.amend(await amendment(env, id, "web-2"));
      assert.equal(outcome.status, "amended");
      const after = await env.record(id, env.other);
      assert.equal(after.metadata().serverId, "web-2");
      assert.deepEqual(outcome.record, after.bytes);
      assert.deepEqual([after.plainData(), after.revision, after.locked], [{ a: "x" }, 1, false]);
      assert.deepEqual([after.lastSeenAt, after.expiresAt], [before.lastSeenAt, before.lastSeenAt + IDLE]);
      assert.deepEqual([after.tokenHash, after.generation], [before.tokenHash, before.generation]);
    },
  },
  {
    name: "amend locks and unlocks",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      const metadata = (await env.record(id)).metadataBytes();
      const lock = { id, expected: metadata, metadata };
      await env.store.amend({ ...lock, locked: true });
      assert.equal((await env.record(id)).locked, true);
      await env.other.amend(await amendment(env, id, "web-2"));
      assert.equal((await env.record(id)).locked, true);
      await env.store.amend({ ...(await amendment(env, id, "web-3")), locked: false });
      assert.equal((await env.record(id)).locked, false);
    },
  },
  {
    name: "amend of what changed meanwhile is stale and changes nothing; sent again it answers the same",
    async run(env) {
      const { id } = await env.created();
      const [first, second] = [await amendment(env, id, "web-1"), await amendment(env, id, "web-2")];
      const outcome = await env.store.amend(first);
      assert.deepEqual(await env.other.amend(first), outcome);
      assert.equal((await env.store.amend(second)).status, "stale");
      assert.equal((await env.record(id)).metadata().serverId, "web-1");
    },
  },
  {
    name: "amend sent again with its operation id undoes nothing that was amended in between",
    needs: "operation ids",
    async run(env) {
      const { id } = await env.created();
      const call = { operationId: "operation-g" };
      const metadata = (await env.record(id)).metadataBytes();
      const lock = { id, expected: metadata, metadata, locked: true };
      assert.equal((await env.store.amend(lock, call)).status, "amended");
      await env.other.amend({ ...lock, locked: false });
      assert.equal((await env.store.amend(lock, call)).status, "amended");
      assert.equal((await env.record(id)).locked, false);
    },
  },
  {
    name: "F2 amend brings back nothing that was ended or is over",
    async run(env) {
      const [ended, over] = [await env.created(), await env.created()];
      const inputs = [await amendment(env, ended.id, "web-1"), await amendment(env, over.id, "web-1")];
      await env.store.revoke(ending(ended.id));
      await env.clock.advance(HOUR + MINUTE);
      for (const input of inputs) assert.equal((await env.store.amend(input)).status, "gone");
      const { id } = await env.created();
      const late = { notAfter: env.store.now() - 1000 };
      await assert.rejects(env.store.amend(await amendment(env, id, "web-1"), late), { reason: "late" });
    },
  },
];
