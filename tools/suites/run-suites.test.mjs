import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, mock, test } from "node:test";
import { NOTHING } from "./count.mjs";
import { runSuites } from "./run-suites.mjs";

const realReadFile = fs.readFileSync;

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

/** What a run printed and answered, with these budgets and a clock that the suites move. */
async function runWith(budget, suites) {
  const lines = [];
  let seconds = 0;
  mock.method(fs, "readFileSync", (file, ...rest) =>
    String(file).endsWith("budget.json") ? JSON.stringify(budget) : realReadFile(file, ...rest),
  );
  syncBuiltinESMExports();
  mock.method(performance, "now", () => seconds * 1000);
  mock.method(console, "log", (line) => void lines.push(line));
  const moved = suites.map(([name, takes]) => ({
    name,
    hasTests: true,
    async run() {
      seconds += takes;
      return { ...NOTHING, passed: 1 };
    },
  }));
  const code = await runSuites(moved);
  return { code, last: lines.at(-1), text: lines.join("\n") };
}

void test("a run within its limits passes", async () => {
  const { code, last } = await runWith({ a: 400, b: 500 }, [
    ["a", 400],
    ["b", 500],
  ]);
  assert.deepEqual([code, last], [0, "2 passed, 0 failed"]);
});

void test("budgets of more than 900 s together are refused before anything runs", async () => {
  await assert.rejects(runWith({ a: 400, b: 501 }, [["a", 1]]), /allots 901 s; at most 900/);
});

void test("a suite over its budget is a warning, not a failure", async () => {
  const { code, text } = await runWith({ a: 1, b: 1 }, [["a", 2]]);
  assert.equal(code, 0);
  assert.match(text, /^a +2\.0 of 1 +WARNING/m);
});

void test("a run over 1,200 s fails, and what is left of it does not start", async () => {
  const { code, last, text } = await runWith({ a: 400, b: 500 }, [
    ["a", 1201],
    ["b", 1],
  ]);
  assert.deepEqual([code, last], [1, "1 passed, 1 failed"]);
  assert.match(text, /longer than 1200 s/);
  assert.doesNotMatch(text, /── b /);
});

void test("a run of 1,200 s passes", async () => {
  assert.equal((await runWith({ a: 900 }, [["a", 1200]])).code, 0);
});
