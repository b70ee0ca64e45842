import { expect, test } from "vitest";
import { BUDGETS, type Budget, verdict } from "../budgets.ts";
import { budgetTable, number, section } from "./markdown.ts";
import { bars, plots } from "./plot.ts";
import { ratioFor, type RateTable, type Result } from "./result.ts";

const row = (name: string, rates: number[], cpuMicros: number) => ({
  name,
  samples: rates.map((rate) => ({ rate, cpuMicros })),
});

const rates: RateTable = {
  title: "GET /me",
  unit: "requests/s",
  baseline: "<one> GET",
  plot: "me",
  rows: [row("<one> GET", [100, 102, 98], 50), row("ours", [300, 306, 294], 20), row("same", [101, 99, 100], 50)],
};

const result: Result = {
  scenario: "s",
  title: "A scenario",
  startedAt: "2026-01-01T00:00:00.000Z",
  seconds: 3,
  load: { before: 0.4, after: 1.9 },
  machine: {
    processor: "P",
    cores: 2,
    memoryGiB: 8,
    system: "linux x64",
    node: "v26",
    redis: "7",
    versions: { express: "5" },
    pinning: "nothing pinned",
  },
  method: ["how"],
  rates: [rates],
  facts: [],
  measured: [ratioFor("http.express.incumbent", rates, "ours", "<one> GET")],
};

test("a section names machine, load and versions, and says what is no finding", () => {
  const text = section(result);
  expect(text).toContain("P, 2 cores, 8 GiB, linux x64; nothing pinned. Load average 0.4 before, 1.9 after.");
  expect(text).toContain("Node v26, Redis 7, express 5.");
  expect(text).toContain("| <one> GET | 100 | 98 – 102 | 1 |  | 50 |  | 1 % |");
  expect(text).toContain("| ours | 300 | 294 – 306 | 3 | 3 – 3 | 20 | -30 | 1 % |");
  expect(text).toMatch(/\| same \| 100 \| 99 – 101 \| [\d.]+ \(no finding\) \|/);
});

test("the table of budgets has every one, met, missed or not run", () => {
  const text = budgetTable([result]);
  expect(text).toContain("| ≥ 2 × | 3 | 3 – 3 | pass |");
  expect(text.match(/\| not run \|/g)).toHaveLength(BUDGETS.length - 1);
});

test.each<[Partial<Budget>, number, string]>([
  [{ atLeast: 2 }, 2, "pass"],
  [{ atLeast: 2 }, 1.99, "miss"],
  [{ atMost: 0 }, 0, "pass"],
  [{ atMost: 4 }, 4.01, "miss"],
  [{ atMost: 4 }, Number.NaN, "miss"],
])("verdict of %j on %d is %s", (limits, value, expected) => {
  expect(verdict({ id: "x", what: "x", unit: "×", ...limits }, { budget: "x", value })).toBe(expected);
});

test("budgets have different ids and one limit each", () => {
  expect(new Set(BUDGETS.map(({ id }) => id)).size).toBe(BUDGETS.length);
  for (const { id, atLeast, atMost } of BUDGETS)
    expect([id, (atLeast === undefined) !== (atMost === undefined)]).toEqual([id, true]);
});

test.each([
  [1234.5, "1235"],
  [0.123, "0.12"],
  [-12.34, "-12.3"],
])("number(%d) is %s", (value, shown) => {
  expect(number(value)).toBe(shown);
});

test("a plot draws bars to scale and escapes names", () => {
  const svg = bars(rates, [{ title: "A & B", rows: rates.rows }]);
  const widths = [...svg.matchAll(/width="([\d.]+)" height="20"/g)].map(([, width]) => Number(width));
  expect(widths).toHaveLength(3);
  expect((widths[1] ?? 0) / (widths[0] ?? 1)).toBeCloseTo(3, 1);
  expect(svg).toContain("&lt;one> GET");
  expect(svg).not.toContain("<one>");
  expect(svg).toContain("A &amp; B");
});

test("tables of one plot share it, grouped by scenario, to one scale", () => {
  const half = { ...rates, rows: rates.rows.map(({ name }) => row(name, [50], 1)) };
  const drawn = plots([result, { ...result, title: "Another", rates: [half, { ...half, plot: "own" }] }]);
  expect(drawn.map(([name]) => name)).toEqual(["me.svg", "own.svg"]);
  const widths = [...(drawn[0]?.[1] ?? "").matchAll(/width="([\d.]+)" height="20"/g)].map(([, w]) => Number(w));
  expect(widths).toHaveLength(6);
  expect((widths[0] ?? 0) / (widths[3] ?? 1)).toBeCloseTo(2, 1);
  expect(drawn[0]?.[1]).toContain(">Another<");
});

test("what missed shows its profile, and where its time went", () => {
  const miss = { budget: "http.express.incumbent", value: 1, profile: "x.cpuprofile", hottest: [" 50.0 %  writev"] };
  expect(budgetTable([{ ...result, measured: [miss] }])).toContain("| miss ([profile](x.cpuprofile)) |");
  expect(section({ ...result, measured: [miss] })).toContain("missed `http.express.incumbent`\n\n```\n 50.0 %  writev");
});
