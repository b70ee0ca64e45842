import assert from "node:assert/strict";
import { test } from "node:test";
import { measurements, readmeWith } from "./gen-bench.mjs";

const machine = { processor: "P", cores: 2 };
const result = (scenario, more) => ({
  scenario,
  title: scenario,
  machine,
  rates: [],
  facts: [],
  measured: [],
  ...more,
});

void test("says nothing of what was not measured", () => {
  const text = measurements([]);
  assert.match(text, /^\[Budgets\]\(bench\/results\/README\.md\): 0 met, 0 missed, \d+ not run yet\.$/);
});

void test("shows what was measured beside its budget, and what missed as missed", () => {
  const text = measurements([
    result("express", {
      measured: [
        { budget: "http.express.incumbent", value: 2.4, low: 2.3, high: 2.5 },
        { budget: "http.express.anonymous", value: 3 },
      ],
    }),
  ]);
  assert.match(text, /\| requests\/s, Express [^|]*\| 2\.4 × \(2\.3 – 2\.5\) \| ≥ 2 × \|/);
  assert.match(text, /\| 3 µs \| ≤ 1 µs: \*\*missed\*\* \|/);
  assert.match(text, /: 1 met, 1 missed, .*One machine \(P, 2 cores\)/);
  assert.doesNotMatch(text, /Fastify|http\.svg|Counted/);
});

void test("the plot and the table of promises stand there once they exist", () => {
  const facts = [{ title: "Counted", columns: ["", "Sojourn"], rows: [["lost", "0 of 400"]] }];
  const text = measurements([
    result("promises", { facts }),
    result("express", { rates: [{ title: "t", plot: "http", rows: [] }] }),
  ]);
  assert.match(text, /\| lost \| 0 of 400 \|/);
  assert.match(text, /!\[[^\]]+\]\(bench\/results\/http\.svg\)/);
});

void test("stands between its marks, of which there is one pair", () => {
  const readme = "a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n";
  assert.match(readmeWith(readme, []), /^a\n<!-- bench:begin -->\n\[Budgets\].*\n<!-- bench:end -->\nb\n$/);
  for (const wrong of ["", readme + readme, "<!-- bench:end --><!-- bench:begin -->"])
    assert.throws(() => readmeWith(wrong, []), /once each/);
});
