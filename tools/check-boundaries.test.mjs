import assert from "node:assert/strict";
import { test } from "node:test";
import { violationsIn } from "./check-boundaries.mjs";

const manifest = { peerDependencies: { redis: "^6.0.0" } };

/** The violations of one file with this text, without exceptions. */
function violationsOf(path, text, exceptions = []) {
  return violationsIn([{ path, text }], manifest, exceptions);
}

const refused = [
  ["data/record.ts", 'import { Store } from "../store/store.ts";'],
  ["store/store.ts", 'import type { Session } from "../lifecycle/session.ts";'],
  ["lifecycle/core.ts", 'import { memoryStore } from "../stores/memory/memory-store.ts";'],
  ["lifecycle/core.ts", 'import { sojourn } from "../adapters/express.ts";'],
  ["patterns/auth.ts", 'import type { RequestSession } from "../adapters/request-session.ts";'],
  ["adapters/express.ts", 'import type { Store } from "../store/store.ts";'],
  ["adapters/express.ts", 'import {\n  checkName,\n  type Draft,\n} from "../data/codec.ts";'],
  ["stores/redis/keys.ts", 'import { statements } from "../sqlite/statements.ts";'],
  ["stores/redis/keys.ts", 'import { TokenSigner } from "../../security/token.ts";'],
  ["stores/redis/keys.ts", 'import { Core } from "../../lifecycle/core.ts";'],
  ["errors.ts", 'import { checkName } from "./data/codec.ts";'],
  ["index.ts", 'export { memoryStore } from "./stores/memory/memory-store.ts";'],
  ["utils/text.ts", 'import { checkName } from "../data/codec.ts";'],
  ["data/codec.ts", 'const { memoryStore } = await import("../stores/memory/memory-store.ts");'],
  ["data/codec.ts", 'import "../../test/support/engines.ts";'],
  ["data/codec.ts", 'import ms from "ms";'],
  ["stores/redis/open-redis.ts", 'import { createClient } from "redis";'],
];

for (const [path, text] of refused) {
  void test(`refused: ${path}: ${text.replaceAll(/\s+/g, " ")}`, () => {
    const found = violationsOf(path, `// a line\n${text}\n`);
    assert.equal(found.length, 1);
    assert.ok(found[0].startsWith(`${path}:2: `), found[0]);
  });
}

const allowed = [
  ["data/codec.ts", 'import { InvalidNameError } from "../errors.ts";'],
  ["stores/redis/keys.ts", 'import { HmacKey } from "../../security/keyring.ts";'],
  ["stores/redis/keys.ts", 'import { Keys } from "./drivers/node-redis.ts";'],
  ["stores/redis/open-redis.ts", 'const { createClient } = await import("redis");'],
  ["stores/redis/drivers/node-redis.ts", 'import type { RedisClientType } from "redis";'],
  ["create-sessions.ts", 'import { memoryStore } from "./stores/memory/memory-store.ts";'],
  ["adapters/express.ts", 'import { parseCookie } from "../security/cookie.ts";'],
  ["lifecycle/core.ts", ' * import { memoryStore } from "../stores/memory/memory-store.ts";'],
];

for (const [path, text] of allowed) {
  void test(`allowed: ${path}: ${text}`, () => assert.deepEqual(violationsOf(path, text), []));
}

void test("an exception is for types only, and must be used", () => {
  const exceptions = [["adapters/express", "data/draft", "a reason"]];
  const types = 'import type { DataObject } from "../data/draft.ts";';
  assert.deepEqual(violationsOf("adapters/express.ts", types, exceptions), []);
  assert.deepEqual(violationsOf("adapters/express.ts", types.replace("type ", ""), exceptions).length, 2);
  assert.match(violationsOf("adapters/express.ts", "", exceptions)[0], /not used any more/);
});

void test("a cycle is named with all its files", () => {
  const files = [
    { path: "data/a.ts", text: 'import { b } from "./b.ts";' },
    { path: "data/b.ts", text: 'import type { c } from "./c.ts";' },
    { path: "data/c.ts", text: 'export { a } from "./a.ts";' },
  ];
  assert.deepEqual(violationsIn(files, manifest, []), ["cycle: data/a.ts → data/b.ts → data/c.ts → data/a.ts"]);
});
