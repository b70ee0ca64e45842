// Prints the Redis commands of each operation, asked and counted on a real server; exit code 1 on a difference.
import { measureCommands } from "../packages/sojourn/test/support/command-table.ts";

const rows = await measureCommands();
const heading = { operation: "operation", asked: "asked", counted: "counted" };
const width = (name) => Math.max(...[heading, ...rows].map((row) => row[name].length));
for (const row of [heading, ...rows]) {
  const verdict = row === heading || row.asked === row.counted ? "" : "  DIFFERENT";
  console.log(
    `${row.operation.padEnd(width("operation"))}  ${row.asked.padEnd(width("asked"))}  ${row.counted}${verdict}`,
  );
}
process.exitCode = rows.every((row) => row.asked === row.counted) ? 0 : 1;
