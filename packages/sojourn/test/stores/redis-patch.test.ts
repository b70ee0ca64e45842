/** The patch script splices a record as the engines in this process do: the same bytes, the same answers. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyFieldChanges, type FieldGuard, type StoredChange } from "../../src/data/field-patch.ts";
import type { RecordField } from "../../src/data/record.ts";
import { isRecord, type Store } from "../../src/store/store.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { Environment } from "../../src/testing/conformance/environment.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";

const NAMES = ["a", "count", "é", "n".repeat(128), "f1", "f2"];
const NUMBERS = ["0", "-5", "9007199254740991", "007", "1.5"];
/** Of lengths on both sides of what one byte of the directory can say. */
const TEXTS = [
  ...NUMBERS,
  "null",
  '{"a":[1,2]}',
  `"${"x".repeat(125)}"`,
  `"${"x".repeat(126)}"`,
  `"${"x".repeat(70_000)}"`,
];
const SEALED = ["", "abc", "\0,ÿ", "s".repeat(128)];

let server: RedisServer;
let redis: Store;
let env: Environment;

beforeAll(async () => {
  server = await startRedis();
  const clock = manualClock();
  redis = redisStore(await server.client(), { clock, deadline: PATIENT });
  env = await Environment.over({ store: redis, other: redis, clock, close: () => redis.close() });
});
afterAll(() => server.stop());

function upTo(most: number): number {
  return Math.floor(Math.random() * (most + 1));
}

function oneOf<T>(values: readonly T[]): T {
  const value = values[upTo(values.length - 1)];
  if (value === undefined) throw new Error("nothing to choose from");
  return value;
}

function sealed(): Buffer {
  return Buffer.from(oneOf(SEALED), "latin1");
}

function fields(): RecordField[] {
  const names = NAMES.filter(() => upTo(2) > 0).toSorted(() => Math.random() - 0.5);
  return names.map((name) =>
    upTo(2) === 0
      ? { name, encrypted: true, bytes: sealed() }
      : { name, encrypted: false, bytes: Buffer.from(oneOf(TEXTS)) },
  );
}

function change(): StoredChange {
  const name = oneOf(NAMES);
  return oneOf<StoredChange>([
    { kind: "set", name, json: oneOf(TEXTS) },
    { kind: "set", name, json: oneOf(TEXTS) },
    { kind: "seal", name, bytes: sealed() },
    { kind: "delete", name },
    { kind: "increment", name, by: oneOf([1, -3, Number.MAX_SAFE_INTEGER]) },
  ]);
}

function guard(): FieldGuard | null {
  return upTo(1) === 0 ? null : { name: oneOf(NAMES), json: upTo(1) === 0 ? null : oneOf(TEXTS) };
}

/** The answer of either, without what only one of them says. */
function told(answer: object): object {
  const { status, increments, bytes, name } = { increments: [], bytes: 0, name: "", status: "", ...answer };
  return { status: status === "guarded" ? "conflict" : status, increments, bytes, name };
}

describe("the patch script and the reference", () => {
  test("leave the same bytes and answer the same, in 600 patches made at random, one to six of them in a script", async () => {
    const met = new Set<string>();
    async function patchOne(maxBytes: number, held: FieldGuard | null): Promise<void> {
      const made = await env.created({ userId: "ada", fields: fields() });
      const changes = Array.from({ length: 1 + upTo(3) }, change);
      const expected = applyFieldChanges(made.record, changes, maxBytes, held ?? undefined);
      const answer = await redis.patch({
        id: made.id,
        changes,
        maxBytes,
        ...(held === null ? {} : { guard: held }),
      });
      expect(told(answer)).toEqual(told(expected));
      const stored = await redis.read(made.id);
      const bytes = expected.status === "patched" ? expected.record : made.record;
      expect(isRecord(stored) && stored.equals(bytes), JSON.stringify({ changes, held })).toBe(true);
      met.add(answer.status);
    }
    for (let done = 0; done < 600; ) {
      const [held, maxBytes, together] = [guard(), oneOf([1_000_000, 1_000_000, 300]), 1 + upTo(5)];
      await Promise.all(Array.from({ length: together }, () => patchOne(maxBytes, held)));
      done += together;
    }
    expect([...met].toSorted()).toEqual(["conflict", "patched", "too_large", "wrong_kind"]);
  });
});
