// Moves sessions from one store to another under load: several processes validate, write, log in and log out while a mover,
// which is killed three times, brings all of them over. Prints what every process met; exit code 1 when a session was
// logged out, a write was lost, an ended session came back, or the counts differ.
//   --sessions 100000   made before the move   --nodes 3   --only "Redis to Redis"
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openStore } from "../packages/sojourn/src/open.ts";
import { runMove, sumOf } from "../packages/sojourn/test/support/moving-run.ts";
import { startCluster } from "../packages/sojourn/test/support/redis-cluster.ts";
import { startRedis } from "../packages/sojourn/test/support/redis-server.ts";

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "100000" },
    nodes: { type: "string", default: "3" },
    only: { type: "string" },
  },
});

const folder = await mkdtemp(join(tmpdir(), "sojourn-move-"));
const sqlite = async () => ({ url: `sqlite:${join(folder, "sessions.db")}`, stop: async () => {} });
const redis = async () => {
  const server = await startRedis();
  return { url: server.url, stop: () => server.stop() };
};
const cluster = async () => {
  const group = await startCluster();
  return {
    url: `redis+cluster://${group.nodes.map(({ host, port }) => `${host}:${port}`).join(",")}`,
    stop: () => group.stop(),
  };
};
const ways = {
  "sqlite to Redis": [sqlite, redis],
  "Redis to Redis": [redis, redis],
  "Redis to a cluster": [redis, cluster],
};

async function move([startFrom, startTo]) {
  const [from, to] = [await startFrom(), await startTo()];
  try {
    const plan = { sessions: Number(values.sessions), nodes: Number(values.nodes), kills: 3 };
    const run = await runMove({ ...plan, from: from.url, to: to.url });
    const target = await openStore(to.url);
    const live = await target.count();
    await target.close();
    return { ...run, live };
  } finally {
    await Promise.all([from.stop(), to.stop()]);
  }
}

/** True when the move was as it must be. */
function print(way, { nodes, result, seconds, killed, live }) {
  const of = (what) => sumOf(nodes, what);
  const failures = nodes.flatMap((node) => node.failures);
  console.log(`\n${way}: ${values.sessions} sessions, ${nodes.length} processes, mover killed ${killed} times`);
  console.log(
    `  done in ${seconds.toFixed(1)} s with ${killed} starts again; ${result.moved} moved by the last start, ${result.left} left`,
  );
  console.log(
    `  meanwhile: ${of("validated")} validated, ${of("writes")} writes, ${of("logins")} logins, ${of("logouts")} logouts`,
  );
  console.log(
    `  forced logins ${of("forcedLogins")}, lost writes ${of("lostWrites")}, revoked sessions revived ${of("revived")}`,
  );
  console.log(
    `  live at the target ${live}, by what the processes know ${of("live")}; failed calls ${failures.length}`,
  );
  for (const failure of failures) console.log(`    ${failure}`);
  const wrong = of("forcedLogins") + of("lostWrites") + of("revived") + failures.length + result.left;
  return wrong === 0 && live === of("live");
}

try {
  for (const [way, stores] of Object.entries(ways)) {
    if (values.only !== undefined && values.only !== way) continue;
    if (!print(way, await move(stores))) process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
