import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventStorm } from "../support/event-storm.ts";
import { startRedis } from "../support/redis-server.ts";

const KILLS = 5;

/** Runs with the URL of a fresh place. */
const PLACES: Record<string, (run: (url: string) => Promise<void>) => Promise<void>> = {
  redis: async (run) => {
    const server = await startRedis();
    try {
      await run(server.url);
    } finally {
      await server.stop();
    }
  },
  sqlite: async (run) => {
    const folder = await mkdtemp(join(tmpdir(), "sojourn-events-"));
    try {
      await run(`sqlite:${join(folder, "sessions.db")}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

test.each(Object.keys(PLACES))(
  "writers and consumers killed with SIGKILL on %s: what began equals what ended, duplicates carry one id",
  async (engine) => {
    await PLACES[engine]?.(async (url) => {
      const { stats, counts, altered, broken, killed } = await eventStorm(url, KILLS);
      expect(killed).toBe(KILLS);
      expect(stats.created).toBeGreaterThan(20);
      expect(stats.ended).toBe(stats.created);
      expect(counts).toMatchObject({ created: stats.created, ended: stats.ended });
      expect([altered, broken]).toEqual([0, 0]);
    });
  },
  90_000,
);
