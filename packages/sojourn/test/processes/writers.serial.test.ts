/** Many processes on one session, as many servers behind a load balancer are. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, type Sessions } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { writeFromProcesses } from "../support/writers.ts";
import { DURABLE_ENGINES, type DurableEngine } from "./durable-engines.ts";
import { logoutAgainstWriters } from "./logout.ts";

let server: RedisServer;
let folder: string;

beforeAll(async () => {
  server = await startRedis();
  folder = await mkdtemp(join(tmpdir(), "sojourn-writers-"));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const ENGINES: Record<string, () => string> = {
  sqlite: () => `sqlite:${join(folder, "sessions.db")}`,
  redis: () => server.url,
};

describe.each(Object.keys(ENGINES))("four processes on %s", (engine) => {
  let url: string;
  let sessions: Sessions;

  beforeAll(async () => {
    url = ENGINES[engine]?.() ?? "";
    sessions = createSessions({ store: await openStore(url), secrets: [TEST_SECRET] });
  });
  afterAll(() => sessions.close());

  test("G2 4 × 50 writes of distinct keys: 200 keys", async () => {
    const { session } = await sessions.create({ userId: "ada" });
    const reports = await writeFromProcesses(url, session.id, "distinct keys");
    expect(reports).toEqual(Array.from({ length: 4 }, () => ({ written: 50, failures: [] })));
    expect(Object.keys((await sessions.get(session.id))?.data ?? {})).toHaveLength(200);
  });

  test("G2 4 × 50 increments of one key: 200", async () => {
    const { session } = await sessions.create({ userId: "ada" });
    const reports = await writeFromProcesses(url, session.id, "increment");
    expect(reports.flatMap((report) => report.failures)).toEqual([]);
    expect(await sessions.data(session.id).get("count")).toBe(200);
  });

  test("G2 4 × 50 update() of one key: 200", async () => {
    const { session } = await sessions.create({ userId: "ada" });
    const reports = await writeFromProcesses(url, session.id, "update");
    expect(reports.flatMap((report) => report.failures)).toEqual([]);
    expect(await sessions.data(session.id).get("sum")).toBe(200);
  });

  test("G2 fifty writers in each of four processes during a migration lose nothing", async () => {
    const { token, session } = await sessions.create({ userId: "ada", data: { kept: true } });
    const servers = Array.from({ length: 10 }, (_, i) => `web-${i}`);
    const migrate = async (): Promise<void> => {
      for (const serverId of servers) expect(await sessions.migrate(session.id, serverId)).toBe(true);
    };
    const reports = await writeFromProcesses(url, session.id, "distinct keys", { meanwhile: migrate });
    expect(reports).toEqual(Array.from({ length: 4 }, () => ({ written: 50, failures: [] })));
    const after = await sessions.validate(token);
    if (!after.valid) throw new Error(after.reason);
    expect(Object.keys(after.session.data)).toHaveLength(201);
    expect(after.session).toMatchObject({ serverId: "web-9", revision: 200, expiresAt: session.expiresAt });
    expect(after.session.migratedAt).toBeGreaterThanOrEqual(session.createdAt);
  });
});

describe("50 writers in four processes", { timeout: 60_000 }, () => {
  async function emptyPlace(engine: DurableEngine): Promise<string> {
    if (engine === "sqlite") return join(await mkdtemp(join(folder, "logout-")), "sessions.db");
    await (await server.admin()).flushAll();
    return String(server.port);
  }

  test.each(DURABLE_ENGINES)("F2 against logout on %s, 20 rounds: none alive afterwards", async (engine) => {
    const where = await emptyPlace(engine);
    const { rounds, alive, written } = await logoutAgainstWriters({ engine, where, rounds: 20 });
    expect([rounds, alive]).toEqual([20, 0]);
    expect(written).toBeGreaterThanOrEqual(20 * 4);
  });

  test("a session that did not end is noticed", async () => {
    const where = await emptyPlace("sqlite");
    const assignment = { engine: "sqlite", where, rounds: 1, logout: async () => true } as const;
    expect(await logoutAgainstWriters(assignment)).toMatchObject({ rounds: 1, alive: 1 });
  });
});
