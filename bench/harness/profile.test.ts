import { expect, test } from "vitest";
import { selfTimes } from "./profile.ts";

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
