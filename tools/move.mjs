// Moves sessions and values from one store to another under load: several processes validate, write, log in and log out while
// a mover, which is killed three times, brings all of them over. Prints what every process met, and with all ways writes
// docs/reference/moving.md; exit code 1 when a session was logged out, a write was lost, an ended session came back, or
// the counts differ.
//   --sessions 100000   made before the move   --nodes 3   --only "Redis to Redis"
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openStore } from "../packages/sojourn/src/open.ts";
import { runMove, sumOf } from "../packages/sojourn/test/support/moving-run.ts";
import { startCluster } from "../packages/sojourn/test/support/redis-cluster.ts";
import { startRedis } from "../packages/sojourn/test/support/redis-server.ts";
import { IN_URL } from "../packages/sojourn/test/support/redis-user.ts";

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "100000" },
    nodes: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
const target = new URL("../docs/reference/moving.md", import.meta.url);
const KILLS = 3;
const BEFORE_MS = 10_000;

const folder = await mkdtemp(join(tmpdir(), "sojourn-move-"));
const sqlite = async () => ({ url: `sqlite:${join(folder, "sessions.db")}`, stop: async () => {} });
const redis = async () => {
  const server = await startRedis();
  return { url: server.url, stop: () => server.stop() };
};
const cluster = async () => {
  const group = await startCluster();
  return {
    url: `redis+cluster://${IN_URL}@${group.nodes.map(({ host, port }) => `${host}:${port}`).join(",")}`,
    stop: () => group.stop(),
  };
};
const ways = {
  "sqlite to Redis": [sqlite, redis],
  "Redis to Redis": [redis, redis],
  "Redis to a cluster": [redis, cluster],
};
const WRONG = {
  forcedLogins: "forced logins",
  lostWrites: "lost writes",
  revived: "ended sessions revived",
  lostValues: "values lost",
  revivedValues: "deleted values revived",
};

async function move([startFrom, startTo]) {
  const [from, to] = [await startFrom(), await startTo()];
  try {
    const plan = { sessions: Number(values.sessions), nodes: Number(values.nodes), kills: KILLS, beforeMs: BEFORE_MS };
    const run = await runMove({ ...plan, from: from.url, to: to.url });
    const store = await openStore(to.url);
    const live = await store.count();
    await store.close();
    return { ...run, live };
  } finally {
    await Promise.all([from.stop(), to.stop()]);
  }
}

/** Names of columns, and what a way has there. */
function columns(way, { nodes, seconds, killed, result, live }) {
  const of = (what) => sumOf(nodes, what);
  const calls = ["validated", "writes", "logins", "logouts", "valueCalls"].map(of);
  return {
    way,
    "moved in": `${seconds.toFixed(1)} s`,
    "sessions/s": Math.round(Number(values.sessions) / seconds),
    "mover killed": killed,
    "validated / writes / logins / logouts / calls to values": calls.join(" / "),
    ...Object.fromEntries(Object.entries(WRONG).map(([what, words]) => [words, of(what)])),
    "sessions at the target / by what the processes know": `${live} / ${of("live")}`,
    "values there": of("liveValues"),
    "left behind": `${result.left} / ${result.valuesLeft}`,
    "failed calls": nodes.flatMap(({ failures }) => failures).length,
    "call to a session before, p50 / p99 / longest": latency(nodes.flatMap(({ before }) => before)),
    "during the move": latency(nodes.flatMap(({ during }) => during)),
    "call to a value during the move": latency(nodes.flatMap((node) => node.values)),
  };
}

function latency(took) {
  const sorted = Float64Array.from(took).toSorted();
  const at = (share) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1);
  return `${at(0.5)} / ${at(0.99)} / ${at(1)} ms`;
}

/** True when the move was as it must be. */
function isWhole({ nodes, result, live }) {
  const wrong = Object.keys(WRONG).map((what) => sumOf(nodes, what));
  const failures = nodes.flatMap((node) => node.failures);
  for (const failure of failures) console.log(`    ${failure}`);
  const count = wrong.reduce((sum, each) => sum + each, failures.length + result.left + result.valuesLeft);
  return count === 0 && live === sumOf(nodes, "live");
}

function page(rows) {
  const names = Object.keys(rows[0]);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const table = names.map((name) => line([name, ...rows.map((row) => row[name])]));
  const redisVersion = /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  return `<!-- Made by \`npm run move\` (tools/move.mjs) from a measured run. Do not edit. -->

# Moving, measured

${new Date().toISOString().slice(0, 10)}; ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores shared by all, loopback; Node ${process.versions.node}, redis-server ${redisVersion}, the cluster of three
primaries with a replica each. ${values.sessions} sessions, three of a user, and a value of better-auth's \`secondaryStorage\` for every ten of them, were made by ${values.nodes} processes.
These go on to look at sessions, write, log in and out, and read, count, replace and take values, sixteen calls at a time each with pauses of 4 ms; after ${BEFORE_MS / 1000} s
the mover comes, is killed (\`SIGKILL\`) ${KILLS} times when it has moved a tenth more, and is started again. In the end each process looks at everything that it
knows, at the target alone. What is promised, and how it is done: [Moving to another store](../guide/moving-stores.md).

${table[0]}
|---|${rows.map(() => "---|").join("")}
${table.slice(1).join("\n")}

“Moved in” is from the mover's first start to its last end, with the 5 s that it waits first and with its new starts. The longest calls to values are
writes that wait in the last of those. “Left behind” are sessions / values at the source.
`;
}

const rows = [];
try {
  for (const [way, stores] of Object.entries(ways)) {
    if (values.only !== undefined && values.only !== way) continue;
    const run = await move(stores);
    rows.push(columns(way, run));
    console.log(rows.at(-1));
    if (!isWhole(run)) process.exitCode = 1;
  }
  if (values.only === undefined) writeFileSync(target, page(rows));
} finally {
  await rm(folder, { recursive: true, force: true });
}
