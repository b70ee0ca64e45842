import { expect, test } from "vitest";
import { selfTimes, smallProfile } from "./profile.ts";

test("self time by function, greatest first, idle left out, paths short", () => {
  const node = (id: number, functionName: string, url = "", lineNumber = -1) => ({
    id,
    callFrame: { functionName, url, lineNumber },
  });
  const text = selfTimes({
    nodes: [node(1, "(idle)"), node(2, "", "file:///a/packages/sojourn/dist/x.js", 9), node(3, "(garbage collector)")],
    samples: [1, 2, 3, 3, 2, 3],
    timeDeltas: [1_000, 10, 30, 30, 10, 20],
  });
  expect(text).toBe(" 80.0 %  (garbage collector) \n 20.0 %  (anonymous) sojourn/dist/x.js:10\n");
});

test("a profile that is kept is small, whole as a tree and names no folder of this machine", () => {
  const nodes = Array.from({ length: 300 }, (_, i) => ({
    id: i + 1,
    callFrame: { functionName: `f${i}`, url: "file:///home/a/packages/sojourn/dist/x.js", lineNumber: i },
    children: i < 299 ? [i + 2] : [],
  }));
  const samples = Array.from({ length: 1_000 }, (_, i) => (i < 500 ? 300 : 2));
  const profile = { nodes, samples, timeDeltas: samples.map(() => 1_000) };
  const text = smallProfile(profile, 20_000);
  expect(text.length).toBeLessThanOrEqual(20_000);
  expect(text).not.toContain("/home/");
  const small = JSON.parse(text) as typeof profile & { endTime: number };
  expect(small.samples).toHaveLength(500);
  expect(small.endTime).toBe(500_000);
  expect(small.nodes.map(({ id, children }) => [id, children])).toEqual([
    [1, [2]],
    [2, []],
  ]);
  expect(small.nodes[0]?.callFrame.url).toBe("packages/sojourn/dist/x.js");
});
