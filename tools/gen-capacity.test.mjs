import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ASSUMED,
  bucketsOfShards,
  evenShards,
  generate,
  inputsOf,
  operationsOf,
  planOf,
  resharded,
  secondsFor,
  simulate,
} from "./gen-capacity.mjs";

const WIRE = { in: 100, out: 900 };
const INPUTS = {
  bytes: { session: 1_000, ended: 400 },
  micros: { read: 1, touch: 10, write: 10, create: 30, end: 20 },
  wire: { read: WIRE, touch: WIRE, write: WIRE, create: WIRE, end: WIRE },
};

void test("a plan is the stated formula", () => {
  const { operations, bytes, cores, forMemory, forCpu, shards, network } = planOf(86_400_000, INPUTS);
  assert.deepEqual(operations, { read: 480_000, touch: 144_000, write: 48_000, create: 1_000, end: 1_000 });
  assert.equal(bytes, 86_400_000 * 1_000 + 3_600_000 * 400);
  assert.ok(Math.abs(cores - 2.45) < 1e-9);
  assert.deepEqual([forMemory, forCpu, shards], [9, 5, 16]);
  assert.equal(network, 674_000 * 1_000);
  assert.equal(operationsOf(3_600, { ...ASSUMED, requestsPerHour: 2 }).touch, 2);
});

void test("what was not measured is said, and not computed", () => {
  const page = generate([]);
  assert.match(page, /not measured/);
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
  assert.ok(Number.isNaN(planOf(1e7, inputsOf([])).shards));
});

void test("powers of two get equally many buckets each, 1,000 shards one or two", () => {
  for (const shards of [1, 256, 512, 1_024])
    assert.deepEqual(new Set(bucketsOfShards(shards)), new Set([1_024 / shards]));
  const thousand = bucketsOfShards(1_000);
  assert.deepEqual([Math.min(...thousand), Math.max(...thousand)], [1, 2]);
  assert.deepEqual([1, 3, 512, 513].map(evenShards), [1, 4, 512, 1_024]);
});

void test("resharding: doubling moves half of the buckets, one more shard as many slots as its share", () => {
  const halved = { slots: 8_192, buckets: 512, mostSent: 512, mostReceived: 512, fullest: 512, emptiest: 512 };
  assert.deepEqual(resharded(1, 2), halved);
  assert.deepEqual(resharded(512, 1_024), { ...halved, mostSent: 1, mostReceived: 1, fullest: 1, emptiest: 1 });
  // The new shard takes its share, and what shares rounded down leave over.
  for (const [from, to, slots] of [
    [3, 4, 4_096],
    [100, 101, 184],
  ]) {
    const moved = resharded(from, to);
    assert.equal(moved.slots, slots);
    assert.equal(moved.mostReceived, moved.buckets);
    assert.ok(Math.abs(moved.buckets - slots / 16) < from / 4, `${from}: ${moved.buckets}`);
  }
  // 384 of 1,000 have 17 slots where 16 are a share: each gives one, most of them to shards that have 16.
  const thousand = resharded(1_000, 1_001);
  assert.deepEqual([thousand.slots, thousand.mostSent, thousand.mostReceived <= 2], [384, 1, true]);
  assert.equal(resharded(3, 4).buckets, 256);
  assert.equal(secondsFor(3, 50e6, 25), 6);
  assert.ok(Number.isNaN(secondsFor(3, 50e6, undefined)));
});

void test("the simulation is the same each time, and the busiest users cost balance", () => {
  const plan = { shards: 512, users: 100_000, seed: 1 };
  assert.deepEqual(simulate({ ...plan, alpha: 1.3 }), simulate({ ...plan, alpha: 1.3 }));
  assert.ok(simulate({ ...plan, alpha: 1.3 }).fullest > simulate({ ...plan, alpha: 1e9 }).fullest);
});
