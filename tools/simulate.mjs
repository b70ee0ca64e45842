// Browsers, bad networks and thieves against the library, in virtual time; exit code 1 at a false alarm, a missed
// copy, or an older token that came back into a jar.
// Arguments: --seed TEXT (default: made up, and printed) --sessions N (10000) --stolen N (1000) --requests N (350 each).
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { reportOf } from "../packages/sojourn/test/simulator/report.ts";
import { simulate } from "../packages/sojourn/test/simulator/simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: randomBytes(4).toString("hex") },
    sessions: { type: "string", default: "10000" },
    stolen: { type: "string", default: "1000" },
    requests: { type: "string", default: "350" },
  },
});
const [sessions, stolen, requests] = [values.sessions, values.stolen, values.requests].map(Number);
if (![sessions, stolen, requests].every((each) => Number.isSafeInteger(each) && each >= 0)) {
  console.error("--sessions, --stolen and --requests take whole numbers.");
  process.exit(2);
}
const startedAt = performance.now();
console.log(`seed ${values.seed}`);
const simulation = await simulate({ seed: values.seed, sessions, stolen, requests });
console.log(reportOf(simulation));
console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
process.exitCode = simulation.alarms.length + simulation.missed.length + simulation.setBack > 0 ? 1 : 0;
