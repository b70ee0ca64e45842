import { expect, test } from "vitest";
import { alternate } from "./rounds.ts";

test("each round samples everyone, beginning with another one; all are warm before", async () => {
  const order: string[] = [];
  const sampler = (name: string) => ({
    name,
    warmUp: async () => void order.push(name.toUpperCase()),
    async sample() {
      order.push(name);
      return { rate: order.length, cpuMicros: 1 };
    },
  });
  const sampled = await alternate([sampler("a"), sampler("b"), sampler("c")], 3);
  expect(order.join("")).toBe("ABCabcbcacab");
  expect(sampled.map(({ name, samples }) => [name, samples.map(({ rate }) => rate)])).toEqual([
    ["a", [4, 9, 11]],
    ["b", [5, 7, 12]],
    ["c", [6, 8, 10]],
  ]);
});
