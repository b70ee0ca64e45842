// Says how many rows of the security requirements are done; exit code 1 when one that is said to be done has no test.
import { faultsIn, rows, testFiles, testsOf } from "./gen-security.mjs";

const found = testsOf(testFiles());
const faults = faultsIn(rows, found);
for (const state of ["done", "partly", "planned"]) {
  const ids = rows.filter((row) => row.state === state).map(({ id }) => id);
  console.log(`${state.padEnd(8)}${String(ids.length).padStart(3)}  ${ids.join(" ")}`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
