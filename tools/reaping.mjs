// Eight processes reap 100,000 due sessions (or as many as the argument says) while one of them is killed every 200 ms.
// Prints what became of the sessions, and how long another client's pings took; exit code 1 when a session ended not
// exactly once, or an index differs. Pings are the machine's, too: compare them with those before.
import { reapWithProcesses } from "../packages/sojourn/test/support/reaping.ts";

const due = Number(process.argv[2] ?? 100_000);
const touched = 1_000;
const { stats, drift, seconds, killed, pingIdleMs, pingMs } = await reapWithProcesses({ due, touched, processes: 8 });
console.log(`due ${due}, ended ${stats.ended} (${JSON.stringify(stats.endedByReason)}), in ${seconds.toFixed(1)} s`);
console.log(`touched in time ${touched}, live ${stats.activeSessions}; created ${stats.created}`);
console.log(`processes killed ${killed} of 8; differences between indexes and records ${drift}`);
console.log(
  `ping of another client, p99.9: idle ${pingIdleMs.toFixed(2)} ms, meanwhile ${pingMs.toFixed(2)} ms (budget 10 ms)`,
);
const exact = stats.ended === due && stats.activeSessions === touched && drift === 0;
process.exitCode = exact ? 0 : 1;
