/** Debian's Prometheus scrapes an application; what lies in `deploy/` is checked by it and by its promtool. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import express from "express";
import { createSessions, type Sessions } from "sojourn";
import { sojourn } from "sojourn/express";
import { prometheus } from "sojourn/prometheus";
import { sqliteStore } from "sojourn/sqlite";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type PrometheusServer, promtool, startPrometheus } from "./support/prometheus-server.ts";

const deploy = fileURLToPath(new URL("../deploy/", import.meta.url));

let sessions: Sessions;
let site: Server;
let server: PrometheusServer;

beforeAll(async () => {
  const secrets = [randomBytes(32).toString("base64url")];
  const store = sqliteStore(":memory:", { nearCache: true });
  sessions = createSessions({ development: true, store, secrets, log: () => undefined });
  const metrics = prometheus(sessions);
  const app = express();
  app.get("/metrics", async (_req, res) => void res.type(metrics.contentType).send(await metrics.text()));
  app.use(sojourn(sessions));
  site = createServer(app).listen(0, "127.0.0.1");
  await once(site, "listening");
  const target = `127.0.0.1:${(site.address() as AddressInfo).port}`;
  server = await startPrometheus(`
global: { scrape_interval: 250ms, scrape_timeout: 250ms }
scrape_configs:
  - job_name: shop
    static_configs: [{ targets: ["${target}"] }]
`);
});

afterAll(async () => {
  await server.stop();
  site.closeAllConnections();
  site.close();
  await sessions.close();
});

/** So many validations as there are of each kind, some sessions begun and ended. */
async function someHistory(): Promise<void> {
  const { token, session } = await sessions.create({ userId: "ada" });
  const grace = await sessions.create({ userId: "grace" });
  await sessions.create({ userId: "grace" });
  for (let i = 0; i < 40; i++) await sessions.validate(token, { fresh: i < 32, touch: false });
  for (let i = 0; i < 3; i++) await sessions.validate("no token");
  await session.set("theme", "dark");
  await sessions.logout(grace.token);
  await sessions.validate(grace.token);
  await session.revoke('plan "changed"\nagain \\');
  await sessions.reaper.runOnce();
}

const EXPECTED: Readonly<Record<string, number>> = {
  up: 1,
  sojourn_store_up: 1,
  'sojourn_validations_total{result="valid"}': 40,
  'sojourn_validations_total{result="malformed"}': 3,
  'sojourn_validations_total{result="revoked"}': 1,
  'sojourn_validations_total{result="unavailable"}': 0,
  'sojourn_store_operations_total{operation="create",outcome="ok"}': 3,
  'sojourn_store_operations_total{operation="patch",outcome="ok"}': 1,
  'sojourn_store_operations_total{operation="reap",outcome="ok"}': 1,
  'sojourn_store_operation_duration_seconds_count{operation="create"}': 3,
  'sojourn_store_operation_duration_seconds_bucket{operation="create",le="+Inf"}': 3,
  sojourn_sessions_active: 1,
  sojourn_users_active: 1,
  sojourn_sessions_created_total: 3,
  'sojourn_sessions_ended_total{reason="logout"}': 1,
  'sojourn_sessions_ended_total{reason="plan \\"changed\\"\\nagain \\\\"}': 1,
  'sojourn_near_cache_requests_total{result="hit"}': 8,
};

test("what Prometheus scraped is what happened", async () => {
  // Rates need to know the counters from before. Five seconds go by before Prometheus scrapes at all.
  await expect.poll(() => server.value("sojourn_sessions_created_total"), { timeout: 15_000 }).toBe(0);
  await someHistory();
  const scraped = async () => {
    const values = Object.keys(EXPECTED).map(async (expression) => [expression, await server.value(expression)]);
    return Object.fromEntries(await Promise.all(values)) as Record<string, number | null>;
  };
  await expect.poll(scraped, { timeout: 5_000 }).toEqual(EXPECTED);
});

describe("the dashboard", () => {
  /** Its expressions, with Grafana's variables filled in. */
  async function expressions(): Promise<string[]> {
    const dashboard = JSON.parse(await readFile(`${deploy}grafana/sojourn.json`, "utf8")) as {
      panels: { targets: { expr: string }[] }[];
    };
    const found = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    return found.map((expr) => expr.replaceAll("$job", "shop").replaceAll("$__rate_interval", "1m"));
  }

  test("promtool understands every expression", async () => {
    const rules = (await expressions()).map((expr, i) => ({ record: `panel:${i}`, expr }));
    expect(rules.length).toBeGreaterThan(15);
    const file = join(await mkdtemp(join(tmpdir(), "sojourn-rules-")), "panels.yml");
    onTestFinished(() => rm(dirname(file), { recursive: true }));
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { ok, output } = await promtool(["check", "rules", file]);
    expect(output).toContain(`${rules.length} rules found`);
    expect(ok).toBe(true);
  });

  test("no expression asks for what is not there", async () => {
    for (const expr of await expressions()) {
      // Nothing failed here: such a panel is empty, but what it asks for must exist.
      const asked = expr.replace(',outcome!="ok"', "");
      await expect
        .poll(async () => (await server.query(asked)).length, { timeout: 5_000, message: asked })
        .toBeGreaterThan(0);
    }
  });
});

describe("the alerts", () => {
  test("promtool finds nothing wrong with them, nor with the example of a configuration", async () => {
    const checked = await promtool(["check", "config", `${deploy}prometheus/prometheus.yml`]);
    expect(checked.output).toContain("7 rules found");
    expect(checked.ok).toBe(true);
  });

  test("they fire when they should, and not before", async () => {
    const tested = await promtool(["test", "rules", `${deploy}prometheus/alerts.test.yml`]);
    expect(tested.output).toContain("SUCCESS");
    expect(tested.ok).toBe(true);
  });

  test("a metric that does not exist is in none of them", async () => {
    const text = await readFile(`${deploy}prometheus/alerts.yml`, "utf8");
    const names = new Set(text.match(/\bsojourn_\w+/g));
    expect(names.size).toBeGreaterThanOrEqual(4);
    for (const name of names) expect(await server.query(name), name).not.toEqual([]);
  });
});

test("promtool has nothing to say against the names, types and helps of the metrics", async () => {
  const { ok, output } = await promtool(["check", "metrics"], await prometheus(sessions).text());
  expect(output).toBe("");
  expect(ok).toBe(true);
});
