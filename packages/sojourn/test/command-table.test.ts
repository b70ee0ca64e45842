import { expect, test } from "vitest";
import { measureCommands } from "./support/command-table.ts";

test("Redis commands asked and counted are the same for every operation", async () => {
  const rows = await measureCommands();
  expect(rows).toHaveLength(35);
  expect(rows.map(({ operation, counted }) => [operation, counted])).toEqual(
    rows.map(({ operation, asked }) => [operation, asked]),
  );
});
