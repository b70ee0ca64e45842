/** What the Redis engine publishes: which session changed or ended, from the script that did it. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encodeMetadata } from "../../src/data/metadata.ts";
import type { Store } from "../../src/store/store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { ending, endingUser, Environment, patch, set } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { inNamespace } from "../support/redis-user.ts";

const END = "end of what was published";

let server: RedisServer;
let admin: TestClient;
let listener: TestClient;
let store: Store;
let env: Environment;
let heard: string[];

beforeAll(async () => {
  server = await startRedis();
  await server.allow(...inNamespace("shop"));
  [admin, listener] = [await server.admin(), await server.client()];
  await listener.subscribe(["shop:i", "shop:i:e"], (message) => heard.push(message));
});
afterAll(() => server.stop());
beforeEach(async () => {
  heard = [];
  await admin.flushAll();
  store = redisStore(await server.client(), { namespace: "shop", deadline: PATIENT });
  env = await Environment.over({ store, other: store, clock: manualClock(), close: () => store.close() });
  await published();
});
afterEach(() => store.close());

async function allPublished(): Promise<string[]> {
  await admin.publish("shop:i", END);
  await expect.poll(() => heard.at(-1), { interval: 2 }).toBe(END);
  return heard.splice(0).filter((message) => message !== END);
}

/** Messages since the last call, without those that only tell consumers of events. */
async function published(): Promise<string[]> {
  return (await allPublished()).filter((message) => !message.startsWith("n "));
}

describe("published once, in the same script", () => {
  test("a data write, with the revision that it made", async () => {
    const { id } = await env.created();
    await patch(store, id, [set("a", 1), set("b", 2)]);
    await patch(store, id, [{ kind: "increment", name: "a", by: 1 }]);
    expect(await published()).toEqual([`c ${id} 1`, `c ${id} 2`]);
  });

  test("rotation, confirmation, elevation, other metadata", async () => {
    const { id, record } = await env.created();
    const current = { generation: 0, tokenHash: record.subarray(50, 66) };
    const successorHash = Buffer.alloc(16, 7);
    const wrapped = { successorHash, wrap: Buffer.alloc(32, 8), wrapKeyId: 9, replaces: null };
    await store.rotate({ id, ...current, ...wrapped });
    await store.confirm({ id, generation: 1, tokenHash: successorHash, graceMs: 1_000, heal: false });
    const metadata = (await env.record(id)).metadataBytes();
    const elevated = { generation: 2, tokenHash: Buffer.alloc(16, 3), metadata, aal: 2, absoluteMs: 60_000 };
    await store.elevate({ id, expected: { generation: 1, tokenHash: successorHash, metadata }, ...elevated });
    await store.amend({ id, expected: metadata, metadata: encodeMetadata({ policy: "other" }), locked: true });
    expect(await published()).toEqual(Array.from({ length: 4 }, () => `c ${id} 0`));
  });

  test("an ending, each session of a user, and the session that stays", async () => {
    const [first, second, stays] = await Promise.all([1, 2, 3].map(() => env.created({ userId: "ada" })));
    await store.revoke(ending(first?.id ?? ""));
    expect(await published()).toEqual([`e ${first?.id}`]);
    await store.revokeUser(endingUser(env.userKey("ada"), stays?.id));
    expect(await published()).toEqual([`c ${stays?.id} 0`, `e ${second?.id}`]);
  });
});

test("that there is an event, once, where no ending says so", async () => {
  const { id, userKey, record } = await env.created();
  await store.create({ id, userKey, record });
  const metadata = (await env.record(id)).metadataBytes();
  const changed = { id, expected: metadata, metadata: encodeMetadata({ policy: "other" }) };
  await store.amend({ ...changed, event: { type: "suspicious" } });
  await store.revoke(ending(id));
  expect(await allPublished()).toEqual([`n ${id}`, `c ${id} 0`, `n ${id}`, `e ${id}`]);
});

test("nothing is published where nothing changed, and none of create, read and touch", async () => {
  const { id, record } = await env.created({ userId: "ada" });
  await store.read(id);
  await store.touch({ id, minIntervalMs: 0, confirm: true });
  await store.listUser(env.userKey("ada"));
  await patch(store, id, [set("a", 1)], { expectedRevision: 7 });
  const metadata = (await env.record(id)).metadataBytes();
  await store.amend({ id, expected: metadata, metadata });
  const tokens = { tokenHash: record.subarray(50, 66), successorHash: Buffer.alloc(16, 7), wrap: Buffer.alloc(32, 8) };
  const rotation = { id, generation: 0, ...tokens, wrapKeyId: 9, replaces: null };
  expect(await published()).toEqual([]);
  await store.rotate(rotation);
  await store.rotate(rotation);
  expect(await published()).toEqual([`c ${id} 0`]);
  await store.revoke(ending(id));
  await store.revoke(ending(id));
  await patch(store, id, [set("a", 1)]);
  expect(await published()).toEqual([`e ${id}`]);
});

describe("a Redis user who may not publish", () => {
  async function storeOf(user: string): Promise<Store> {
    const client = await server.client();
    await client.auth({ username: user, password: "secret" });
    return redisStore(client, { namespace: "shop", deadline: PATIENT });
  }

  test.each([
    ["the channel", ["~shop:*", "+@all"]],
    ["the command", ["~shop:*", "&shop:*", "+@all", "-publish"]],
  ])("for want of %s is told so before the first call, and how to mend it", async (_what, rules) => {
    await admin.sendCommand(["ACL", "SETUSER", "app", "reset", "on", ">secret", ...rules]);
    await expect((await storeOf("app")).ready()).rejects.toMatchObject({
      code: "config_invalid",
      message: "The Redis user may not publish to shop:i:e: allow +publish and the channels &shop:* in its ACL.",
    });
  });

  test("any more, because the rules were changed meanwhile, still ends sessions", async () => {
    await admin.sendCommand(["ACL", "SETUSER", "late", "reset", "on", ">secret", "~shop:*", "&shop:*", "+@all"]);
    const limited = await storeOf("late");
    await limited.ready();
    await published();
    const { id } = await env.created();
    await admin.sendCommand(["ACL", "SETUSER", "late", "-publish"]);
    expect(await limited.revoke(ending(id))).toMatchObject({ ended: true });
    expect(await store.read(id)).toMatchObject({ reason: "test" });
    expect(await published()).toEqual([]);
  });
});
