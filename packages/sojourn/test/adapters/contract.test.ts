/** The adapter contract on every adapter. */

import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { adapterContract } from "../../src/testing/adapter-contract.ts";
import { ADAPTERS } from "./sites/all.ts";

describe.each(ADAPTERS)("%s", (_name, start) => {
  for (const each of adapterContract({ start })) test(each.name, each.run);
});

test("docs/reference/adapters.md lists what runs here: every case on every adapter", async () => {
  const page = await readFile(new URL("../../../../docs/reference/adapters.md", import.meta.url), "utf8");
  const [table = ""] = page.split("\n## ", 1);
  const [head, , ...rows] = table.split("\n").filter((line) => line.startsWith("| "));
  expect(head).toBe(`|  | ${ADAPTERS.map(([name]) => name).join(" | ")} |`);
  const start = (): never => {
    throw new Error("not started here");
  };
  const names = adapterContract({ start }).map(({ name }) => name);
  expect(rows.map((row) => row.split(" | ")[0]?.slice(2)).toSorted()).toEqual(names.toSorted());
  for (const row of rows) expect(row.split("✓")).toHaveLength(ADAPTERS.length + 1);
});
