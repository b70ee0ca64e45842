import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisServer, startOpenRedis } from "../../packages/sojourn/test/support/redis-server.ts";
import { getLimits, rateIn } from "./redis-benchmark.ts";

let redis: RedisServer;

beforeAll(async () => {
  redis = await startOpenRedis();
});
afterAll(() => redis.stop());

test("GETs that find 400 bytes, in every shape asked for", async () => {
  const shapes = [
    { connections: 1, pipeline: 1 },
    { connections: 4, pipeline: 8 },
  ];
  const limits = await getLimits(redis.port, shapes, 2_000);
  expect(limits).toEqual(shapes.map((shape) => ({ ...shape, rate: expect.any(Number) })));
  const info = await (await redis.client()).info("stats");
  expect(Number(/keyspace_hits:(\d+)/.exec(info)?.[1])).toBeGreaterThan(3_900);
});

test("an answer without a rate is an error", () => {
  expect(rateIn('"test","rps"\n"GET","85470.09","0.6"\n')).toBe(85_470.09);
  expect(() => rateIn("Could not connect to Redis")).toThrow("Could not connect");
});
