import assert from "node:assert/strict";
import { test } from "node:test";
import { failoverRow } from "./failover-page.mjs";

const counts = (acknowledged, toldAgain = 0) => ({ acknowledged, toldAgain, undone: 0 });
const round = (more) => ({
  promotedMs: 800,
  firstWriteMs: 2_000,
  again: false,
  refusedMs: 0,
  deniedMs: null,
  toldMs: null,
  logins: { acknowledged: 10, lost: 1 },
  plain: counts(5),
  durable: counts(4),
  everywhere: counts(0),
  lostSessionsRefused: 1,
  falseLogouts: [],
  acceptedByOwn: 0,
  acceptedByOther: 0,
  ...more,
});

void test("a row says what did not come, and what was not lost", () => {
  const row = failoverRow("a client", "kill -9", [round(), round({ firstWriteMs: Number.POSITIVE_INFINITY })]);
  assert.equal(
    row,
    "| a client | kill -9 | 2 | 0.8 s / 0.8 s | 2.0 s / not in the round | 20 / 2 | 10 / 0 / 0 | 8 / 0 / 0 | – " +
      "| none | none | none | 2 / 0 |",
  );
});

void test("times of lost endings are of the rounds that lost some; what went on beside the fault is said", () => {
  const lost = { deniedMs: 2_100, toldMs: 2_600, plain: counts(5, 2), everywhere: counts(3) };
  const accepted = { acceptedByOther: 3, refusedMs: 2_500, again: true };
  const row = failoverRow("a client", "kill -9", [round(), round({ ...lost, ...accepted })]);
  assert.match(row, /\| 2; after 1 another one \|/);
  assert.match(
    row,
    /\| 10 \/ 2 \/ 0 \| 8 \/ 0 \/ 0 \| 3 \/ 0 \/ 0 \| 2\.1 s \/ 2\.1 s \| 2\.6 s \/ 2\.6 s \| 0 \/ 3, until 2\.5 s \|/,
  );
});
