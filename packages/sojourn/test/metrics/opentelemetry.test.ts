/** OpenTelemetry's real SDK is told the same as Prometheus; each call of the store is a span if a tracer is given. */

import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { expect, onTestFinished, test, vi } from "vitest";
import { createSessions, memoryStore, type Sessions } from "../../src/index.ts";
import { openTelemetry } from "../../src/metrics/opentelemetry.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";
import { parseExposition, valuesIn } from "../support/exposition.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { boundsOf, keepActiveContext, startTelemetry, valuesOf } from "../support/telemetry.ts";
import { WatchedStore } from "../support/watched-store.ts";

function opened(): { sessions: Sessions; watched: WatchedStore; log: string[] } {
  const watched = new WatchedStore(memoryStore());
  const log: string[] = [];
  const sessions = createSessions({ store: watched.store, secrets: [TEST_SECRET], log: (line) => log.push(line) });
  onTestFinished(() => {
    watched.down = false;
    return sessions.close();
  });
  return { sessions, watched, log };
}

async function someHistory(sessions: Sessions): Promise<void> {
  const { token, session } = await sessions.create({ userId: "ada" });
  for (let i = 0; i < 20; i++) await sessions.validate(token, { touch: false });
  await sessions.validate("no token");
  await session.set("theme", "dark");
  await session.revoke("plan changed");
  await sessions.create({ userId: "grace" });
}

test("the same instruments, units, kinds and numbers as Prometheus is told", async () => {
  const store = sqliteStore(":memory:", { nearCache: true });
  const sessions = createSessions({ store, secrets: [TEST_SECRET] });
  onTestFinished(() => sessions.close());
  const telemetry = startTelemetry();
  openTelemetry(sessions, { meter: telemetry.meter });
  await someHistory(sessions);
  const metrics = await telemetry.collect();
  const collected = valuesOf(metrics);
  const scraped = valuesIn(await prometheus(sessions).text());
  const prometheusKey = (key: string): string => {
    const [, name = "", count, labels = ""] = /^([\w.]+)(#count)?(\{.*\})?$/.exec(key) ?? [];
    const metric = metrics.find(({ descriptor }) => descriptor.name === name);
    const unit = { s: "_seconds", By: "_bytes" }[metric?.descriptor.unit ?? ""] ?? "";
    const suffix = count === undefined ? "" : "_count";
    const total = metric?.dataPointType === DataPointType.SUM && metric.isMonotonic ? "_total" : "";
    return `${name.replaceAll(".", "_")}${unit}${total}${suffix}${labels}`;
  };
  const own = Object.entries(collected).map(([key, value]) => [prometheusKey(key), value]);
  // Scraping asks the store for its totals, which counts as calls of the store in both.
  const isOfScraping = (key: string): boolean => /operation="(count|countUsers|totals)"/.test(key);
  const isBucket = (key: string): boolean => /_(bucket|sum)(\{|$)/.test(key);
  const expected = Object.entries(scraped).filter(([key]) => !isBucket(key) && !isOfScraping(key));
  expect(Object.fromEntries(own.filter(([key]) => !isOfScraping(String(key))))).toEqual(Object.fromEntries(expected));
  expect(own.length).toBeGreaterThan(25);
  const kinds = Object.fromEntries(metrics.map(({ descriptor, dataPointType }) => [descriptor.name, dataPointType]));
  expect(kinds).toMatchObject({
    "sojourn.validations": DataPointType.SUM,
    "sojourn.store.operation.duration": DataPointType.HISTOGRAM,
    "sojourn.near_cache.size": DataPointType.GAUGE,
  });
  const helps = [...parseExposition(await prometheus(sessions).text()).values()].map(({ help }) => help);
  expect(metrics.map(({ descriptor }) => descriptor.description).toSorted()).toEqual(helps.toSorted());
  const duration = metrics.find(({ descriptor }) => descriptor.name === "sojourn.store.operation.duration");
  expect(boundsOf(duration)).toEqual([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]);
});

test("with a tracer each call of the store is a span, every read too, failed ones with the kind of their failure", async () => {
  const { sessions, watched } = opened();
  const { meter, tracer, spans } = startTelemetry();
  openTelemetry(sessions, { meter, tracer });
  const { token, session } = await sessions.create({ userId: "ada" });
  for (let i = 0; i < 5; i++) await sessions.validate(token, { touch: false });
  watched.down = true;
  const from = Date.now();
  await expect(session.set("a", 1)).rejects.toThrow();
  const ended = spans.getFinishedSpans();
  expect(ended.map(({ name }) => name)).toEqual(["sojourn create", ...Array(5).fill("sojourn read"), "sojourn patch"]);
  const [create, patch] = [ended[0], ended.at(-1)];
  expect(create).toMatchObject({
    kind: SpanKind.CLIENT,
    attributes: { "db.system.name": "memory", "db.operation.name": "create" },
    status: { code: SpanStatusCode.UNSET },
  });
  expect(patch).toMatchObject({
    attributes: { "db.system.name": "memory", "db.operation.name": "patch", "error.type": "connection" },
    status: { code: SpanStatusCode.ERROR },
    events: [],
  });
  const [seconds = 0, nanoseconds = 0] = patch?.endTime ?? [];
  expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThanOrEqual(from - 1);
  expect(seconds * 1000 + nanoseconds / 1e6).toBeLessThanOrEqual(Date.now() + 1);
  for (const { duration } of ended) expect(duration[0]).toBe(0);
});

test("a span lies below the one that is active where the store is called", async () => {
  keepActiveContext();
  onTestFinished(() => context.disable());
  const { sessions } = opened();
  const { meter, tracer, spans } = startTelemetry();
  openTelemetry(sessions, { meter, tracer });
  const requests = ["one", "two"].map((name) => tracer.startSpan(name));
  await Promise.all(
    requests.map((request) =>
      context.with(trace.setSpan(context.active(), request), async () => {
        const { token } = await sessions.create({});
        await sessions.validate(token, { touch: false });
      }),
    ),
  );
  for (const request of requests) {
    const below = spans
      .getFinishedSpans()
      .filter((span) => span.parentSpanContext?.spanId === request.spanContext().spanId);
    expect(below.map(({ name }) => name)).toEqual(["sojourn create", "sojourn read"]);
    request.end();
  }
});

test("stopped, it is told nothing more, and reads are sampled again", async () => {
  const { sessions } = opened();
  const telemetry = startTelemetry();
  const stop = openTelemetry(sessions, telemetry);
  const { token } = await sessions.create({});
  stop();
  stop();
  for (let i = 0; i < 15; i++) await sessions.validate(token, { touch: false });
  expect(telemetry.spans.getFinishedSpans().map(({ name }) => name)).toEqual(["sojourn create"]);
  expect(valuesOf(await telemetry.collect())).toEqual({
    'sojourn.store.operation.duration#count{operation="create"}': 1,
  });
  expect(await prometheus(sessions).text()).not.toContain('operation="read"');
});

test("a meter that throws disturbs no request, and the log says so", async () => {
  const { sessions, log } = opened();
  const telemetry = startTelemetry();
  const record = vi.fn(() => {
    throw new Error("full");
  });
  telemetry.meter.createHistogram = () => ({ record });
  openTelemetry(sessions, telemetry);
  await sessions.create({});
  expect(record).toHaveBeenCalled();
  expect(log).toEqual([expect.stringContaining("failed: Error: full")]);
});

test("what createSessions() did not answer is refused", () => {
  const { meter } = startTelemetry();
  expect(() => openTelemetry({} as Sessions, { meter })).toThrow(
    "openTelemetry() takes what createSessions() returned.",
  );
});
