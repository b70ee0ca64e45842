/**
 * A process of its own that is meant to be killed. Arguments: store URL, "write" or "consume", its name.
 * A writer begins and ends sessions of its own users as fast as it can; a consumer hands each event to its parent.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { createSessions } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { TEST_SECRET } from "./secrets.ts";

const PAUSE_MS = 5;
const [url = "", role = "", name = ""] = process.argv.slice(2);
const sessions = createSessions({ store: await openStore(url), secrets: [TEST_SECRET], log: () => undefined });
process.once("disconnect", () => process.exit());

async function write(i: number): Promise<void> {
  const userId = `${name}-${process.pid}-${i}`;
  const made = await Promise.all([0, 1, 2].map((n) => sessions.create({ userId, data: { n } })));
  await made[0]?.session.revoke();
  const rotated = await sessions.rotate(made[1]?.token);
  await sessions.validate(rotated?.token);
  if (i % 3 === 0) await sessions.revokeUser(userId);
  await sleep(PAUSE_MS);
}

process.send?.("ready");
if (role === "consume") {
  for await (const event of sessions.events.consume({ group: "audit", consumer: name, claimAfter: "2s" })) {
    process.send?.(event);
  }
} else {
  // A file that another process has locked for too long is no reason to stop.
  for (let i = 0; ; i++) await write(i).catch(() => undefined);
}
