/** A server that became a replica under a client that goes on to talk to it. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSessions, type Sessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { IOREDIS, NODE_REDIS, type OpenedClient } from "../support/redis-clients.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LOOK = { touch: false } as const;
const WAIT = { timeout: 10_000, interval: 20 } as const;

describe.each([NODE_REDIS, IOREDIS])("$name", (kind) => {
  let server: RedisServer;
  let admin: TestClient;
  let opened: OpenedClient;
  let sessions: Sessions;

  beforeEach(async () => {
    server = await startRedis(["--repl-diskless-sync-delay", "0"]);
    admin = await server.admin();
    opened = await kind.open(server.port);
    const store = redisStore(opened.client, { deadline: PATIENT });
    sessions = createSessions({ store, secrets: [TEST_SECRET], log: () => undefined, reaper: false });
  });
  afterEach(async () => {
    await sessions.close();
    opened.close();
    await server.stop();
  });

  function told(token: string): Promise<unknown> {
    return sessions.validate(token, LOOK).then(
      ({ valid }) => valid,
      ({ reason, outcome }) => `${reason}, ${outcome}`,
    );
  }

  test("F1 a replica that hears no primary is not believed, for a session may have ended where that is; until it is primary again", async () => {
    const { token } = await sessions.create({ userId: "ada" });
    await admin.sendCommand(["REPLICAOF", "127.0.0.1", "1"]);
    await expect.poll(() => told(token), WAIT).toBe("read_only, not_executed");
    await expect(sessions.list("ada")).rejects.toMatchObject({ reason: "read_only" });
    await admin.sendCommand(["REPLICAOF", "NO", "ONE"]);
    await expect.poll(() => told(token), WAIT).toBe(true);
  });

  test("one that hears its primary answers, and what ended there has ended", async () => {
    const primary = await startRedis(["--repl-diskless-sync-delay", "0", "--replicaof", `127.0.0.1 ${server.port}`]);
    const there = await primary.admin();
    const { token, session } = await sessions.create({ userId: "ada" });
    const status = async (client: TestClient): Promise<boolean> =>
      (await client.info("replication")).includes("master_link_status:up");
    await expect.poll(() => status(there), WAIT).toBe(true);
    // WAIT speaks of what its own connection wrote last, and of all before.
    await admin.set("last", "");
    expect(await admin.sendCommand(["WAIT", "1", "10000"])).toBe(1);
    // An orderly change of roles, which this client does not follow.
    await there.sendCommand(["REPLICAOF", "NO", "ONE"]);
    await admin.sendCommand(["REPLICAOF", "127.0.0.1", String(primary.port)]);
    await expect.poll(() => status(admin), WAIT).toBe(true);
    await expect.poll(() => told(token), WAIT).toBe(true);
    const other = createSessions({
      store: redisStore(await primary.client()),
      secrets: [TEST_SECRET],
      background: false,
    });
    await other.revoke(session.id);
    await expect.poll(() => told(token), WAIT).toBe(false);
    await other.close();
    await primary.stop();
  });
});
