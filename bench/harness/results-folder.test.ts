import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Measured } from "../budgets.ts";
import type { Result } from "./result.ts";
import { keep, kept, rendered } from "./results-folder.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sojourn-results-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function result(scenario: string, measured: Measured): Result {
  const machine = {
    processor: "P",
    cores: 2,
    memoryGiB: 8,
    system: "linux",
    node: "v26",
    redis: "7",
    versions: {},
    pinning: "",
  };
  return {
    scenario,
    title: `Title of ${scenario}`,
    startedAt: "2026-01-01T00:00:00.000Z",
    seconds: 1,
    load: { before: 0, after: 0 },
    machine,
    method: [],
    rates: [],
    facts: [],
    measured: [measured],
  };
}

test("a profile stays until its scenario is measured again", () => {
  const missed = { budget: "packed", value: 1e6, profile: "packed.cpuprofile" };
  keep(folder, result("packed", missed), new Map([["packed.cpuprofile", "{}"]]));
  keep(folder, result("memory", { budget: "memory.session", value: 1 }), new Map());
  expect(readdirSync(folder).toSorted()).toEqual(["memory.json", "packed.cpuprofile", "packed.json"]);
  keep(folder, result("packed", { budget: "packed", value: 1 }), new Map());
  expect(readdirSync(folder).toSorted()).toEqual(["memory.json", "packed.json"]);
});

test("the page has the scenarios in the order of their budgets", () => {
  keep(folder, result("a", { budget: "packed", value: 1 }), new Map());
  keep(folder, result("b", { budget: "commands", value: 0 }), new Map());
  expect(kept(folder).map(({ scenario }) => scenario)).toEqual(["b", "a"]);
  const [[name, page] = ["", ""]] = rendered(kept(folder));
  expect(name).toBe("README.md");
  expect(page.indexOf("Title of b")).toBeLessThan(page.indexOf("Title of a"));
});
