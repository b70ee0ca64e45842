/** What Prometheus reads: the numbers of a process and of the namespace, while the store answers and while it does not. */

import { expect, onTestFinished, test } from "vitest";
import { createSessions, memoryStore, type Sessions, type SessionsOptions } from "../../src/index.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { parseExposition, valuesIn } from "../support/exposition.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { WatchedStore } from "../support/watched-store.ts";

function opened(options: SessionsOptions = {}): { sessions: Sessions; watched: WatchedStore } {
  const watched = new WatchedStore(options.store ?? memoryStore());
  const sessions = createSessions({ secrets: [TEST_SECRET], log: () => undefined, ...options, store: watched.store });
  onTestFinished(() => {
    watched.down = false;
    return sessions.close();
  });
  return { sessions, watched };
}

test("every instrument with its type, help and unit in its name", async () => {
  const { sessions } = opened({ store: sqliteStore(":memory:", { nearCache: true }) });
  const { session } = await sessions.create({ userId: "ada" });
  await session.revoke();
  const families = parseExposition(await prometheus(sessions).text());
  expect(Object.fromEntries([...families].map(([name, { type }]) => [name, type]))).toEqual({
    sojourn_validations_total: "counter",
    sojourn_store_operations_total: "counter",
    sojourn_store_operation_duration_seconds: "histogram",
    sojourn_store_up: "gauge",
    sojourn_sessions_active: "gauge",
    sojourn_users_active: "gauge",
    sojourn_session_mean_duration_seconds: "gauge",
    sojourn_sessions_created_total: "counter",
    sojourn_sessions_ended_total: "counter",
    sojourn_near_cache_requests_total: "counter",
    sojourn_near_cache_entries: "gauge",
    sojourn_near_cache_size_bytes: "gauge",
  });
  for (const { help } of families.values()) expect(help).toMatch(/^[A-Z0-9].*\.$/);
});

test("validations by what they answered, each once", async () => {
  const { sessions, watched } = opened({ binding: { onMismatch: "stepUp" } });
  const { token, session } = await sessions.create({ userId: "ada", binding: { fingerprint: "one" } });
  for (let i = 0; i < 3; i++) await sessions.validate(token, { fingerprint: "one" });
  await sessions.validate(token, { fingerprint: "one", touch: true });
  await sessions.validate("no token");
  await sessions.validate(token, { fingerprint: "other" });
  watched.down = true;
  await expect(sessions.validate(token)).rejects.toThrow();
  watched.down = false;
  await session.revoke();
  // Ended between the read and the touch counts as what is answered, and not twice.
  await sessions.validate(token, { touch: true });
  const values = valuesIn(await prometheus(sessions).text());
  const counted = Object.entries(values).flatMap(([key, value]) => {
    const result = /^sojourn_validations_total\{result="(.*)"\}$/.exec(key)?.[1];
    return result === undefined || value === 0 ? [] : [[result, value]];
  });
  expect(Object.fromEntries(counted)).toEqual({ valid: 4, malformed: 1, locked: 1, unavailable: 1, revoked: 1 });
});

test("a session that ends between the read and the touch of a validation is counted as ended, once", async () => {
  const { sessions, watched } = opened();
  const { token, session } = await sessions.create({ userId: "ada" });
  watched.before.set("touch", async () => void (await session.revoke()));
  expect(await sessions.validate(token, { touch: true })).toMatchObject({ valid: false, reason: "revoked" });
  const values = valuesIn(await prometheus(sessions).text());
  expect(values['sojourn_validations_total{result="revoked"}']).toBe(1);
  expect(values['sojourn_validations_total{result="valid"}']).toBe(0);
});

test("operations by how they ended, durations by operation; of reads one in 16 counts for 16", async () => {
  const { sessions, watched } = opened();
  const { token, session } = await sessions.create({});
  for (let i = 0; i < 40; i++) await sessions.validate(token, { touch: false });
  await session.set("a", 1);
  watched.down = true;
  await expect(session.set("a", 2)).rejects.toThrow();
  const values = valuesIn(await prometheus(sessions).text());
  const operations = "sojourn_store_operations_total";
  expect(values[`${operations}{operation="create",outcome="ok"}`]).toBe(1);
  expect(values[`${operations}{operation="patch",outcome="ok"}`]).toBe(1);
  expect(values[`${operations}{operation="patch",outcome="connection"}`]).toBe(1);
  expect(values[`${operations}{operation="read",outcome="ok"}`]).toBe(32);
  const durations = "sojourn_store_operation_duration_seconds";
  expect(values[`${durations}_count{operation="patch"}`]).toBe(2);
  expect(values[`${durations}_count{operation="read"}`]).toBe(2);
  expect(values[`${durations}_bucket{le="+Inf",operation="read"}`]).toBe(2);
  expect(values[`${durations}_sum{operation="read"}`]).toBeGreaterThan(0);
});

test("buckets are cumulative, and a duration stands in the first that it fits", async () => {
  const { sessions, watched } = opened();
  const { session } = await sessions.create({});
  let delay = 0;
  watched.before.set("revoke", () => new Promise((resolve) => setTimeout(resolve, delay)));
  for (delay of [0, 30, 30, 120]) await session.revoke();
  const values = valuesIn(await prometheus(sessions).text());
  const upTo = (le: string): number =>
    values[`sojourn_store_operation_duration_seconds_bucket{le="${le}",operation="revoke"}`] ?? Number.NaN;
  const bounds = [
    "0.0005",
    "0.001",
    "0.0025",
    "0.005",
    "0.01",
    "0.025",
    "0.05",
    "0.1",
    "0.25",
    "0.5",
    "1",
    "2.5",
    "+Inf",
  ];
  const counts = bounds.map(upTo);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(upTo("0.025")).toBeLessThanOrEqual(1);
  expect(upTo("0.1") - upTo("0.025")).toBeLessThanOrEqual(3);
  expect(upTo("+Inf") - upTo("0.1")).toBeGreaterThanOrEqual(1);
  expect(upTo("+Inf")).toBe(4);
});

test("while the store is down: that it is, and what this process counted", async () => {
  const { sessions, watched } = opened();
  const { token } = await sessions.create({ userId: "ada" });
  await sessions.validate(token);
  const page = prometheus(sessions);
  expect(valuesIn(await page.text())).toMatchObject({ sojourn_store_up: 1, sojourn_sessions_active: 1 });
  watched.down = true;
  const values = valuesIn(await page.text());
  expect(values).toMatchObject({ sojourn_store_up: 0, 'sojourn_validations_total{result="valid"}': 1 });
  expect(values).not.toHaveProperty("sojourn_sessions_active");
});

test("the near cache: what it answered and what not, how full it is", async () => {
  const { sessions } = opened({ store: sqliteStore(":memory:", { nearCache: true }) });
  const { token, session } = await sessions.create({ userId: "ada" });
  for (let i = 0; i < 5; i++) await sessions.validate(token);
  await sessions.validate(token, { fresh: true });
  const page = prometheus(sessions);
  const values = valuesIn(await page.text());
  expect(values).toMatchObject({
    'sojourn_near_cache_requests_total{result="hit"}': 4,
    'sojourn_near_cache_requests_total{result="miss"}': 1,
    sojourn_near_cache_entries: 1,
  });
  expect(values["sojourn_near_cache_size_bytes"]).toBeGreaterThan(100);
  await session.revoke();
  expect(valuesIn(await page.text())).toMatchObject({
    sojourn_near_cache_entries: 0,
    sojourn_near_cache_size_bytes: 0,
  });
});

test("reasons of an application: by name up to a bound, the rest as others, and none falls", async () => {
  const { sessions } = opened();
  const page = prometheus(sessions);
  const ended = async (): Promise<Record<string, number>> => {
    const values = Object.entries(valuesIn(await page.text()));
    return Object.fromEntries(values.filter(([key]) => key.startsWith("sojourn_sessions_ended_total")));
  };
  const made = await Promise.all(Array.from({ length: 60 }, (_, i) => sessions.create({ userId: `user ${i}` })));
  let before: Record<string, number> = {};
  for (const [i, { session }] of made.entries()) {
    await session.revoke(i % 3 === 0 ? "logout" : `reason ${i}`);
    if (i % 10 !== 9) continue;
    const now = await ended();
    for (const [key, count] of Object.entries(before)) expect(now[key]).toBeGreaterThanOrEqual(count);
    expect(Object.values(now).reduce((sum, count) => sum + count, 0)).toBe(i + 1);
    before = now;
  }
  expect(Object.keys(before).length).toBeLessThanOrEqual(25);
  expect(before['sojourn_sessions_ended_total{reason="logout"}']).toBe(20);
});

test("labels of one's own come with every sample, and what they say is escaped", async () => {
  const { sessions } = opened();
  const { session } = await sessions.create({});
  await session.revoke('a "b" \\ c\nd');
  const text = await prometheus(sessions, { labels: { app: 'the "shop"', region: "a\\b\nc" } }).text();
  for (const { samples } of parseExposition(text).values()) {
    for (const { labels } of samples) expect(labels).toMatchObject({ app: 'the "shop"', region: "a\\b\nc" });
  }
  const ended = parseExposition(text).get("sojourn_sessions_ended_total");
  expect(ended?.samples.map(({ labels }) => labels["reason"])).toEqual(['a "b" \\ c\nd']);
});

test("a label that has no name or is one of ours is refused, and so is what createSessions() did not answer", () => {
  const { sessions } = opened();
  for (const name of ["", "a b", "1a", "__name", "le", "result", "operation", "outcome", "reason"]) {
    expect(() => prometheus(sessions, { labels: { [name]: "x" } })).toThrow(TypeError);
  }
  for (const other of [{}, null, undefined, { metrics: {} }]) {
    expect(() => prometheus(other as Sessions)).toThrow("prometheus() takes what createSessions() returned.");
  }
});
