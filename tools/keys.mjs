// Prints every kind of key that the library writes to Redis, its type, its death and its bytes, measured on a real server;
// exit code 1 if anything is left that should not be.
import { measureKeys } from "../packages/sojourn/test/support/key-table.ts";

const { rows, left, size, keysLeft } = await measureKeys();
const heading = { key: "key", type: "type", dies: "dies", keys: "keys", bytes: "bytes of the largest" };
const columns = Object.keys(heading);
const width = (name) => Math.max(...[heading, ...rows].map((row) => String(row[name]).length));
for (const row of [heading, ...rows]) {
  console.log(
    columns
      .map((name) => String(row[name]).padEnd(width(name)))
      .join("  ")
      .trimEnd(),
  );
}
console.log(`\nAfter everything has ended and the longest retention is past: ${left.join(" ")} (DBSIZE ${size})`);
process.exitCode = size === keysLeft && left.every((key) => /:[cetm]\b/.test(key)) ? 0 : 1;
