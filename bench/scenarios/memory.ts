/** What a session takes in Redis, and what an ended one leaves behind. */

import { randomBytes } from "node:crypto";
import { createSessions, type Sessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import { each } from "../harness/each.ts";
import { number } from "../harness/markdown.ts";
import { REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { usedMemory } from "../harness/used-memory.ts";
import { nodeRedis, PATIENT } from "../subjects/redis-clients.ts";
import { sessionData, USER_AGENT, userId } from "../subjects/session-data.ts";

type Client = Awaited<ReturnType<typeof nodeRedis>>;

const USERS = 100_000;
const RECORDS = 20_000;
const IN_FLIGHT = 256;
const LIFETIME_SECONDS = 86_400;

export const memory: Scenario = {
  name: "memory",
  title: "Redis memory",
  isQuick: false,
  async run(bench) {
    const { port } = await bench.redis();
    const client = await nodeRedis(port);
    const whole = await wholeSessions(client);
    await client.flushAll();
    const bare = await grown(client, () => bareSessions(client));
    await client.flushAll();
    const record = await grown(client, () => recordsAlone(client));
    client.destroy();
    const of = (bytes: number, count: number): string => number(bytes / count);
    return {
      method: [
        `used_memory without the buffers of clients, grown by ${USERS} sessions of as many users (${RECORDS} for the bare records), divided by their number.`,
        "A session: 400 bytes of JSON in ten fields, a user agent of 110 bytes and an address, in every index; the events that their beginnings wrote are counted.",
        "Left behind: what is in memory after every session was revoked and before the hour is over (tombstones, totals, events, operation ids).",
        REDIS_NOTE,
      ],
      rates: [],
      facts: [
        {
          title: "Bytes each",
          columns: ["what", "bytes"],
          rows: [
            ["session with device and all indexes", of(whole.live, USERS)],
            ["left behind by an ended session", of(whole.ended, USERS)],
            ["record alone, no device", of(record, RECORDS)],
            ["SET sess:<32 characters> of the same JSON with EX", of(bare, RECORDS)],
          ],
        },
      ],
      measured: [
        { budget: "memory.session", value: whole.live / USERS },
        { budget: "memory.ended", value: whole.ended / USERS },
        { budget: "memory.record", value: record / bare },
      ],
    };
  },
};

function sessionsOn(client: Client): Sessions {
  return createSessions({
    store: redisStore(client, { deadline: PATIENT }),
    secrets: [randomBytes(32).toString("base64url")],
    background: false,
  });
}

async function wholeSessions(client: Client): Promise<{ live: number; ended: number }> {
  const sessions = sessionsOn(client);
  await sessions.ready();
  const before = await usedMemory(client);
  const ids: string[] = [];
  await each(USERS, IN_FLIGHT, async (n) => {
    const device = { ip: "203.0.113.7", userAgent: USER_AGENT };
    const { session } = await sessions.create({ userId: userId(n), data: sessionData(), device });
    ids.push(session.id);
  });
  const live = (await usedMemory(client)) - before;
  await each(USERS, IN_FLIGHT, (n) => sessions.revoke(ids[n] ?? "", { reason: "logout" }));
  const ended = (await usedMemory(client)) - before;
  await sessions.close();
  return { live, ended };
}

async function bareSessions(client: Client): Promise<void> {
  await each(RECORDS, IN_FLIGHT, (n) => {
    const key = `sess:${randomBytes(24).toString("base64url")}`;
    const text = JSON.stringify({ userId: userId(n), ...sessionData() });
    return client.set(key, text, { EX: LIFETIME_SECONDS });
  });
}

/** Sessions without a device, of which everything but the records is removed. */
async function recordsAlone(client: Client): Promise<void> {
  const sessions = sessionsOn(client);
  await each(RECORDS, IN_FLIGHT, (n) => sessions.create({ userId: userId(n), data: sessionData() }));
  await sessions.close();
  for await (const keys of client.scanIterator({ COUNT: 1_000 })) {
    const others = keys.filter((key) => !key.startsWith("sojourn:s:"));
    if (others.length > 0) await client.del(others);
  }
}

async function grown(client: Client, fill: () => Promise<void>): Promise<number> {
  const before = await usedMemory(client);
  await fill();
  return (await usedMemory(client)) - before;
}
