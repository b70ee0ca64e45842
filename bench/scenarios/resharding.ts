/** How fast a shard's sessions get to another server: `MIGRATE`, of which resharding with `redis-cli --cluster` is made. */

import { randomBytes } from "node:crypto";
import { createSessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import { each } from "../harness/each.ts";
import { number } from "../harness/markdown.ts";
import { REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { usedMemory } from "../harness/used-memory.ts";
import { nodeRedis, PATIENT } from "../subjects/redis-clients.ts";
import { sessionData, USER_AGENT, userId } from "../subjects/session-data.ts";

type Client = Awaited<ReturnType<typeof nodeRedis>>;

const SESSIONS = 50_000;
const IN_FLIGHT = 256;
/** Keys of one `MIGRATE`: redis-cli's default, and what `--cluster-pipeline` can be set to. */
const AT_ONCE = [10, 100] as const;
const ENTRIES = 100_000;
const ENTRIES_AT_ONCE = 5_000;
const LIFETIME_MS = 86_400_000;
const TIMEOUT_MS = "60000";

export const resharding: Scenario = {
  name: "resharding",
  title: "Resharding",
  isQuick: false,
  async run(bench) {
    const servers = [await bench.redis("harness"), await bench.redis("subject")] as const;
    const [from, to] = [await nodeRedis(servers[0].port), await nodeRedis(servers[1].port)];
    const speeds: [what: string, value: string][] = [];
    for (const atOnce of AT_ONCE) {
      const speed = await movedPerSecond(from, to, servers[1].port, atOnce);
      speeds.push([`MB a second, ${atOnce} keys at once`, number(speed / 1e6)]);
    }
    const ms = await largeKeyMs(from, servers[1].port);
    for (const client of [from, to]) client.destroy();
    return {
      method: [
        `${SESSIONS.toLocaleString("en")} sessions of as many users with all their indexes, moved from one server to another by one MIGRATE after the other; MB of memory that the target grew by. The servers are on a core each, on one machine: a network may be slower.`,
        `An index of ${ENTRIES.toLocaleString("en")} sessions is one key: how long its MIGRATE took, while which the source answers nobody.`,
        REDIS_NOTE,
      ],
      rates: [],
      facts: [
        {
          title: "One slot after the other",
          columns: ["what", "value"],
          rows: [...speeds, [`ms for an index of ${ENTRIES.toLocaleString("en")} sessions`, number(ms)]],
        },
      ],
      measured: [],
    };
  },
};

/** Bytes of memory at the target a second. */
async function movedPerSecond(from: Client, to: Client, port: number, atOnce: number): Promise<number> {
  await Promise.all([from.flushAll(), to.flushAll()]);
  await fill(from);
  const keys: string[] = [];
  for await (const some of from.scanIterator({ COUNT: 1_000 })) keys.push(...some);
  const before = await usedMemory(to);
  const began = performance.now();
  for (let i = 0; i < keys.length; i += atOnce) await migrate(from, port, keys.slice(i, i + atOnce));
  const seconds = (performance.now() - began) / 1_000;
  return ((await usedMemory(to)) - before) / seconds;
}

async function fill(client: Client): Promise<void> {
  const store = redisStore(client, { deadline: PATIENT });
  const sessions = createSessions({ store, secrets: [randomBytes(32).toString("base64url")], background: false });
  await sessions.ready();
  const device = { ip: "203.0.113.7", userAgent: USER_AGENT };
  await each(SESSIONS, IN_FLIGHT, (n) => sessions.create({ userId: userId(n), data: sessionData(), device }));
  await sessions.close();
}

async function largeKeyMs(from: Client, port: number): Promise<number> {
  const key = "an index";
  for (let n = 0; n < ENTRIES; n += ENTRIES_AT_ONCE) {
    const score = Date.now() + LIFETIME_MS + n;
    const some = Array.from({ length: ENTRIES_AT_ONCE }, () => randomBytes(18).toString("base64url"));
    await from.zAdd(
      key,
      some.map((value, i) => ({ value, score: score + i })),
    );
  }
  const began = performance.now();
  await migrate(from, port, [key]);
  return performance.now() - began;
}

function migrate(from: Client, port: number, keys: readonly string[]): Promise<unknown> {
  return from.sendCommand(["MIGRATE", "127.0.0.1", String(port), "", "0", TIMEOUT_MS, "KEYS", ...keys]);
}
