/** How soon a session that one process revokes is refused by another one that has it in its near cache. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createSessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import { type ClientName, CLIENTS } from "../budgets.ts";
import { number } from "../harness/markdown.ts";
import { pinned } from "../harness/pinning.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { quantile } from "../harness/statistics.ts";
import { sojournClient } from "../subjects/redis-clients.ts";
import { sessionData, userId } from "../subjects/session-data.ts";

const REVOCATIONS = 2_000;
const NODE = fileURLToPath(new URL("../subjects/refusing-node.ts", import.meta.url));

export const propagation: Scenario = {
  name: "propagation",
  title: "Revocation of what another process has in its near cache",
  isQuick: false,
  async run(bench) {
    const measured = new Map<ClientName, number[]>();
    for (const client of CLIENTS) measured.set(client, await delaysOf(bench, client));
    const rows = [...measured].map(([client, delays]) => [
      client,
      String(delays.length),
      ...[0.5, 0.99, 1].map((q) => number(Math.max(0, quantile(delays, q)))),
      String(delays.filter((ms) => ms <= 0).length),
    ]);
    return {
      method: [
        `${REVOCATIONS} sessions for each client, revoked one after the other; the other process asks all the time.`,
        "From the acknowledgement in the process that revokes to the first refusal in the other one.",
        "With the bus silent or cut: packages/sojourn/test/stores/redis-near-cache.serial.test.ts.",
        REDIS_NOTE,
      ],
      rates: [],
      facts: [
        {
          title: "Refused after so many milliseconds",
          columns: ["client", "revocations", "p50", "p99", "most", "refused before the acknowledgement"],
          rows,
        },
      ],
      measured: [
        { budget: "propagation", value: Math.max(...[...measured.values()].map((all) => quantile(all, 0.99))) },
      ],
    };
  },
};

async function delaysOf(bench: Bench, name: ClientName): Promise<number[]> {
  const { port } = await bench.redis();
  const namespace = `propagation-${name}`;
  const secret = randomBytes(32).toString("base64url");
  const { client, close } = await sojournClient({ client: name, port });
  const sessions = createSessions({ store: redisStore(client, { namespace }), secrets: [secret], background: false });
  const node = await startNode([name, String(port), namespace, secret]);
  const delays: number[] = [];
  for (let n = 0; n < REVOCATIONS; n++) {
    const { token, session } = await sessions.create({ userId: userId(n), data: { ...sessionData() } });
    node.send(token);
    await once(node, "message");
    const refused = once(node, "message");
    await sessions.revoke(session.id);
    const acknowledged = process.hrtime.bigint();
    const [at] = (await refused) as [string];
    delays.push(Number(BigInt(at) - acknowledged) / 1e6);
  }
  node.disconnect();
  await once(node, "exit");
  await sessions.close();
  close();
  return delays;
}

async function startNode(parameters: readonly string[]): Promise<ChildProcess> {
  const { file, args } = pinned("subject", process.execPath, [NODE, ...parameters]);
  const node = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await once(node, "message");
  return node;
}
