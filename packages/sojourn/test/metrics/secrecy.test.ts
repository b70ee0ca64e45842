/** Nothing that a client or a user said, and nothing that names a session, is in what operators are shown. */

import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { openTelemetry } from "../../src/metrics/opentelemetry.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import { engineBench, ENGINES } from "../support/engines.ts";
import { SecretPieces } from "../support/secret-pieces.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { startTelemetry } from "../support/telemetry.ts";
import { WatchedStore } from "../support/watched-store.ts";

const bench = engineBench();

const USER = "ada.lovelace@example.com";
const SAID = {
  userId: USER,
  data: { diary: "canary-of-data", secretField: "canary-of-a-name" },
  device: { ip: "203.0.113.77", userAgent: "canary-of-an-agent/1.0" },
  binding: { fingerprint: "canary-of-a-fingerprint" },
};
const CANARIES = /canary|lovelace|203\.0\.113|secretField|diary/;

test.each(ENGINES)(
  "L2 no token, id, user, data, address or device in a metric, a label or a span [%s]",
  async (engine) => {
    const { store, clock } = await bench.open(engine);
    const watched = new WatchedStore(store);
    const sessions = createSessions({
      store: watched.store,
      clock,
      secrets: [TEST_SECRET],
      log: () => undefined,
      binding: { onMismatch: "log" },
    });
    const { meter, tracer, spans, collect } = startTelemetry();
    openTelemetry(sessions, { meter, tracer });
    const { token, session, csrfToken } = await sessions.create(SAID);
    const issued = [token, csrfToken];
    const signals = { ...SAID.device, fingerprint: "canary-of-another-fingerprint" };
    await sessions.validate(token, signals);
    await sessions.validate(`${token}canary`, signals);
    await session.set("diary", "canary again");
    await session.update((draft) => void (draft["canary"] = 1));
    await sessions.activity.record(session.id, "canary", { canary: "203.0.113.77" });
    await sessions.security.recordFailedLogin({ userId: USER, sessionId: session.id, ip: "203.0.113.77" });
    await sessions.security.flagSuspicious(session.id, "canary");
    const renewed = await sessions.rotate(token);
    await sessions.validate(renewed?.token);
    await sessions.list(USER);
    await sessions.find({ ip: "203.0.113.77" });
    await sessions.metrics.record("canary.name", 1);
    watched.down = true;
    await expect(sessions.validate(token)).rejects.toThrow();
    await expect(session.set("diary", "canary")).rejects.toThrow();
    watched.down = false;
    const second = await sessions.login(renewed?.token, SAID);
    issued.push(renewed?.token ?? "", second.token);
    await sessions.revokeUser(USER);
    await sessions.validate(second.token);
    const shown = [
      await prometheus(sessions).text(),
      inspect(await collect(), { depth: Infinity }),
      inspect(
        spans
          .getFinishedSpans()
          .map(({ name, attributes, status, events, links }) => ({ name, attributes, status, events, links })),
        { depth: Infinity },
      ),
    ];
    expect(spans.getFinishedSpans().length).toBeGreaterThan(15);
    const pieces = new SecretPieces(issued.filter((text) => text.length === 93));
    expect(pieces.size).toBeGreaterThan(100);
    for (const text of shown) {
      expect(text.length).toBeGreaterThan(1_000);
      expect(text).not.toMatch(CANARIES);
      expect(pieces.foundIn(text)).toEqual([]);
      for (const id of [session.id, second.session.id, csrfToken]) expect(text).not.toContain(id);
    }
    await sessions.close();
  },
);
