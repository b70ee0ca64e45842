/** What each operation costs the server, by its own count (`INFO commandstats`). */

import { randomBytes } from "node:crypto";
import { createSessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import type { Measured } from "../budgets.ts";
import { number } from "../harness/markdown.ts";
import { REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { median } from "../harness/statistics.ts";
import { nodeRedis, PATIENT } from "../subjects/redis-clients.ts";
import { sessionData, USER_AGENT, userId } from "../subjects/session-data.ts";

const COUNT = 9_000;
/** Redis counts time by the clock, so that a batch in which it was kept from its core says too much: the median batch counts. */
const BATCHES = 45;
const IN_FLIGHT = 64;

export const redisCpu: Scenario = {
  name: "redis-cpu",
  title: "Redis CPU per operation",
  isQuick: false,
  async run(bench) {
    const { port } = await bench.redis("subject");
    const [client, admin] = [await nodeRedis(port), await nodeRedis(port)];
    const sessions = createSessions({
      store: redisStore(client, { deadline: PATIENT }),
      secrets: [randomBytes(32).toString("base64url")],
      background: false,
    });
    await sessions.ready();
    const created: { token: string; id: string }[] = [];
    const operations: [budget: string, what: string, inFlight: number, operation: (n: number) => Promise<unknown>][] = [
      [
        "redis-cpu.create",
        "create, user and device",
        IN_FLIGHT,
        async (n) => {
          const device = { ip: "203.0.113.7", userAgent: USER_AGENT };
          const { token, session } = await sessions.create({ userId: userId(n), data: sessionData(), device });
          created[n] = { token, id: session.id };
        },
      ],
      ["redis-cpu.read", "validate", 1, (n) => sessions.validate(created[n]?.token, { touch: false })],
      [
        "",
        "validate, reads of a turn in batches",
        IN_FLIGHT,
        (n) => sessions.validate(created[n]?.token, { touch: false }),
      ],
      ["redis-cpu.touch", "touch", IN_FLIGHT, async (n) => (await sessions.get(created[n]?.id ?? ""))?.touch()],
      [
        "redis-cpu.patch",
        "set(field, value), 400 bytes",
        IN_FLIGHT,
        (n) => sessions.data(created[n]?.id ?? "").set("pageSize", n),
      ],
      ["", "logout", IN_FLIGHT, (n) => sessions.logout(created[n]?.token)],
    ];
    const rows: string[][] = [];
    const measured: Measured[] = [];
    for (const [budget, what, inFlight, operation] of operations) {
      const batches: number[] = [];
      for (let batch = 0; batch < BATCHES; batch++) {
        await admin.configResetStat();
        await repeated(batch, inFlight, operation);
        batches.push((ownMicros(await admin.info("commandstats")) * BATCHES) / COUNT);
      }
      const micros = median(batches);
      rows.push([what, String(inFlight), number(micros)]);
      if (budget !== "") measured.push({ budget, value: micros });
    }
    await sessions.close();
    client.destroy();
    admin.destroy();
    return {
      method: [
        `${COUNT} of each in ${BATCHES} batches, of which the median counts; sessions of 400 bytes of JSON in ten fields; what a script calls is counted with the script.`,
        "The redis-server is alone on its core, the client on the other.",
        "touch includes nothing of the read before it.",
        REDIS_NOTE,
      ],
      rates: [],
      facts: [{ title: "Microseconds of the server's CPU", columns: ["operation", "in flight", "µs each"], rows }],
      measured,
    };
  },
};

async function repeated(batch: number, inFlight: number, operation: (n: number) => Promise<unknown>): Promise<void> {
  const size = COUNT / BATCHES;
  let next = batch * size;
  const worker = async (): Promise<void> => {
    while (next < (batch + 1) * size) await operation(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** Commands that scripts call are in the scripts' time already: where scripts ran, only they count. */
function ownMicros(info: string): number {
  const spent = [...info.matchAll(/^cmdstat_(\w+):calls=(\d+),usec=(\d+)/gm)].map(([, name = "", , usec]) => ({
    name,
    usec: Number(usec),
  }));
  const scripts = spent.filter(({ name }) => name === "evalsha");
  const counted = scripts.length > 0 ? scripts : spent.filter(({ name }) => name === "get" || name === "mget");
  return counted.reduce((sum, { usec }) => sum + usec, 0);
}
