/** Redis commands of each operation, asked and counted behind real HTTP; also `npm run commands`. */

import { measureCommands } from "../../packages/sojourn/test/support/command-table.ts";
import type { Scenario } from "../harness/scenario.ts";

export const commands: Scenario = {
  name: "commands",
  title: "Redis commands per operation",
  isQuick: true,
  async run() {
    const rows = await measureCommands();
    return {
      method: ["Seen by MONITOR while Express with Sojourn's middleware was asked over HTTP."],
      rates: [],
      facts: [
        {
          title: "Asked and counted",
          columns: ["operation", "asked", "counted"],
          rows: rows.map(({ operation, asked, counted }) => [operation, asked, counted]),
        },
      ],
      measured: [{ budget: "commands", value: rows.filter(({ asked, counted }) => asked !== counted).length }],
    };
  },
};
