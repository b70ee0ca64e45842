/**
 * An application server in a process of its own that keeps asking for one session, which its near cache has, until it
 * refuses it. Arguments: client, port, namespace, secret. Takes tokens as messages; answers "near" when the near cache
 * answers, then when it first refused, on the machine's monotonic clock in nanoseconds.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { createSessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import type { ClientName } from "../budgets.ts";
import { sojournClient } from "./redis-clients.ts";

const [name = "node-redis", port = "0", namespace = "", secret = ""] = process.argv.slice(2);
const { client, close } = await sojournClient({ client: name as ClientName, port: Number(port) });
const sessions = createSessions({
  store: redisStore(client, { namespace, nearCache: true }),
  secrets: [secret],
  background: false,
});

async function untilRefused(token: string): Promise<void> {
  for (;;) {
    const answer = await sessions.validate(token);
    if (answer.valid && answer.near) break;
    await sleep(1);
  }
  process.send?.("near");
  while ((await sessions.validate(token)).valid) await new Promise((resolve) => setImmediate(resolve));
  process.send?.(String(process.hrtime.bigint()));
}

process.on("message", (token) => {
  if (typeof token === "string") void untilRefused(token);
});
process.once("disconnect", () => void sessions.close().finally(close));
process.send?.("ready");
