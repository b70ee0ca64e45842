/** Many processes in which one user logs in at the same moment: the limit holds whoever looks, and when. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, type Sessions, type Store } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { PATIENT, type RedisServer, startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { writeFromProcesses } from "../support/writers.ts";

const LIMIT = 3;

let server: RedisServer;
let folder: string;

beforeAll(async () => {
  server = await startRedis();
  folder = await mkdtemp(join(tmpdir(), "sojourn-logins-"));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What the processes open, and this one, which has time: a late sample is no failure. */
const ENGINES: Record<string, () => Promise<{ url: string; store: Store }>> = {
  async sqlite() {
    const path = join(folder, "sessions.db");
    return { url: `sqlite:${path}`, store: sqliteStore(path) };
  },
  redis: async () => ({ url: server.url, store: redisStore(await server.client(), { deadline: PATIENT }) }),
};

describe.each(Object.keys(ENGINES))("four processes on %s", (engine) => {
  let url: string;
  let sessions: Sessions;

  beforeAll(async () => {
    const place = await ENGINES[engine]?.();
    if (place === undefined) throw new Error(engine);
    url = place.url;
    sessions = createSessions({ store: place.store, secrets: [TEST_SECRET] });
    await sessions.ready();
  });
  afterAll(() => sessions.close());

  /** How many sessions the user has, asked again and again for as long as the work takes. */
  async function sampledWhile<T>(userId: string, work: Promise<T>): Promise<{ result: T; samples: Set<number> }> {
    const samples = new Set<number>();
    const state = { done: false };
    const result = work.finally(() => {
      state.done = true;
    });
    while (!state.done) {
      samples.add((await sessions.list(userId)).length);
      await sleep(1);
    }
    return { result: await result, samples };
  }

  test("G1 4 × 13 logins of one user, limit 3, looked at all the while: never more than 3", async () => {
    const logins = writeFromProcesses(url, "ada", "log in", { times: 13 });
    const { result: reports, samples } = await sampledWhile("ada", logins);
    expect(reports).toEqual(Array.from({ length: 4 }, () => ({ written: 13, failures: [] })));
    expect(Math.max(...samples)).toBeLessThanOrEqual(LIMIT);
    expect(await sessions.list("ada")).toHaveLength(LIMIT);
    expect((await sessions.stats()).activeSessions).toBe(LIMIT);
  });

  test("G1 4 × 13 logins of one user, limit 3 that rejects: three are let in", async () => {
    const logins = writeFromProcesses(url, "grace", "log in or be refused", { times: 13 });
    const { result: reports, samples } = await sampledWhile("grace", logins);
    expect(reports.reduce((sum, { written }) => sum + written, 0)).toBe(LIMIT);
    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    expect(Math.max(...samples)).toBeLessThanOrEqual(LIMIT);
    expect(await sessions.list("grace")).toHaveLength(LIMIT);
  });
});
