/** What each operation sends to Redis and gets back, by the server's own count: for docs/reference/capacity.md. */

import { randomBytes } from "node:crypto";
import { createSessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import { each } from "../harness/each.ts";
import { number } from "../harness/markdown.ts";
import { REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { nodeRedis, PATIENT } from "../subjects/redis-clients.ts";
import { sessionData, USER_AGENT, userId } from "../subjects/session-data.ts";

const COUNT = 5_000;
const IN_FLIGHT = 16;

interface Traffic {
  readonly in: number;
  readonly out: number;
}

export const wire: Scenario = {
  name: "wire",
  title: "Bytes on the wire per operation",
  isQuick: true,
  async run(bench) {
    const { port } = await bench.redis();
    const [client, admin] = [await nodeRedis(port), await nodeRedis(port)];
    const store = redisStore(client, { deadline: PATIENT, hearEndings: false });
    const sessions = createSessions({ store, secrets: [randomBytes(32).toString("base64url")], background: false });
    await sessions.ready();
    const traffic = async (): Promise<Traffic> => {
      const info = await admin.info("stats");
      const value = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
      return { in: value("total_net_input_bytes"), out: value("total_net_output_bytes") };
    };
    const created: { token: string; id: string }[] = [];
    const operations: readonly (readonly [what: string, operation: (n: number) => Promise<unknown>])[] = [
      [
        "create",
        async (n) => {
          const device = { ip: "203.0.113.7", userAgent: USER_AGENT };
          const { token, session } = await sessions.create({ userId: userId(n), data: sessionData(), device });
          created[n] = { token, id: session.id };
        },
      ],
      ["validate", (n) => sessions.validate(created[n]?.token, { touch: false })],
      ["touch", (n) => store.touch({ id: created[n]?.id ?? "", minIntervalMs: 0, confirm: false })],
      ["set", (n) => sessions.data(created[n]?.id ?? "").set("pageSize", n)],
      ["logout", (n) => sessions.logout(created[n]?.token)],
    ];
    const rows: string[][] = [];
    for (const [what, operation] of operations) {
      const before = await traffic();
      await each(COUNT, IN_FLIGHT, operation);
      const after = await traffic();
      rows.push([what, number((after.in - before.in) / COUNT), number((after.out - before.out) / COUNT)]);
    }
    await sessions.close();
    client.destroy();
    admin.destroy();
    return {
      method: [
        `${COUNT} of each, ${IN_FLIGHT} at a time; total_net_input_bytes and total_net_output_bytes of INFO, without what TCP and TLS add. A session: 400 bytes of JSON in ten fields, a user agent of 110 bytes and an address.`,
        REDIS_NOTE,
      ],
      rates: [],
      facts: [{ title: "Bytes each", columns: ["operation", "to Redis", "from Redis"], rows }],
      measured: [],
    };
  },
};
