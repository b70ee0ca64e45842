/**
 * A process of its own under load. Arguments: the kind of client, where it begins (JSON), how many replicas durable
 * endings wait for. It tells of each ending that was acknowledged, and is told those of others; "start" and "stop" it
 * answers when it has, the latter with its report.
 */

import { createSessions } from "../../src/create-sessions.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { openFailoverClient } from "./failover-clients.ts";
import { type Ending, Load } from "./failover-load.ts";
import { TEST_SECRET } from "./secrets.ts";
import type { Address } from "./server-group.ts";

const [kind = "", nodes = "[]", replicas = "1"] = process.argv.slice(2);
const { client } = await openFailoverClient(kind, JSON.parse(nodes) as Address[]);
const sessions = createSessions({
  store: redisStore(client, { replicas: Number(replicas) }),
  secrets: [TEST_SECRET],
  reaper: false,
  log: () => undefined,
});
await sessions.ready();
const load = new Load(sessions, Number(replicas), (ended) => process.send?.({ ended }));

async function told(message: "start" | "stop" | { ended: Ending }): Promise<void> {
  if (message === "start") load.start();
  else if (message !== "stop") return load.heard(message.ended);
  process.send?.({ report: message === "stop" ? await load.stop() : null });
}
process.on("message", (message: Parameters<typeof told>[0]) => void told(message));
process.once("disconnect", () => process.exit());
process.send?.({ report: null });
