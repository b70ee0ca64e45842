/**
 * What can be measured: one table, in OpenTelemetry's words. Labels name kinds of things, never a session, a user, a
 * token or anything that they said; each has few values.
 */

import type { SessionStats } from "../analytics/stats.ts";
import type { Histogram, ProcessCounts } from "./process-counts.ts";

/** Where the table reads from. */
export interface Numbers {
  readonly counts: ProcessCounts;
  /** Null without a near cache. */
  readonly near: {
    readonly hits: number;
    readonly misses: number;
    readonly size: number;
    readonly bytes: number;
  } | null;
  /** Null when the store does not answer. */
  readonly stats: SessionStats | null;
  /** Reasons that are named, by now. */
  readonly reasons: Set<string>;
}

/** The values of the labels, in their order, and what was measured. */
type Point<Value> = readonly [labels: readonly string[], value: Value];

interface Described {
  readonly name: string;
  /** UCUM; in braces what is counted. */
  readonly unit: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export type Instrument =
  | (Described & { readonly kind: "counter" | "gauge"; readonly read: (numbers: Numbers) => Iterable<Point<number>> })
  | (Described & { readonly kind: "histogram"; readonly read: (numbers: Numbers) => Iterable<Point<Histogram>> });

export const INSTRUMENTS: readonly Instrument[] = [
  {
    name: "sojourn.validations",
    kind: "counter",
    unit: "{validation}",
    help: "Calls of validate() in this process, by what they answered.",
    labels: ["result"],
    read: ({ counts }) => Object.entries(counts.validations).map(([result, count]) => [[result], count]),
  },
  {
    name: "sojourn.store.operations",
    kind: "counter",
    unit: "{operation}",
    help: "Calls of the store by this process; of reads one in 16 is looked at and counts for 16.",
    labels: ["operation", "outcome"],
    read: ({ counts }) =>
      [...counts.operations].flatMap(([operation, { outcomes }]) =>
        [...outcomes].map(([outcome, count]): Point<number> => [[operation, outcome], count]),
      ),
  },
  {
    name: "sojourn.store.operation.duration",
    kind: "histogram",
    unit: "s",
    help: "How long calls of the store took; of reads one in 16 is timed.",
    labels: ["operation"],
    read: ({ counts }) => [...counts.operations].map(([operation, { durations }]) => [[operation], durations]),
  },
  {
    name: "sojourn.store.up",
    kind: "gauge",
    unit: "1",
    help: "1 if the store answers, 0 if not.",
    labels: [],
    read: ({ stats }) => [[[], stats === null ? 0 : 1]],
  },
  {
    name: "sojourn.sessions.active",
    kind: "gauge",
    unit: "{session}",
    help: "Live sessions of the namespace: the same from every process.",
    labels: [],
    read: ({ stats }) => known(stats?.activeSessions),
  },
  {
    name: "sojourn.users.active",
    kind: "gauge",
    unit: "{user}",
    help: "Users of the namespace with a live session: the same from every process.",
    labels: [],
    read: ({ stats }) => known(stats?.totalUsers),
  },
  {
    name: "sojourn.session.mean_duration",
    kind: "gauge",
    unit: "s",
    help: "Mean duration of the sessions that ended in the last 24 hours: the same from every process.",
    labels: [],
    read: ({ stats }) => known(stats?.averageDurationMs).map(([labels, ms]) => [labels, ms / 1000]),
  },
  {
    name: "sojourn.sessions.created",
    kind: "counter",
    unit: "{session}",
    help: "Sessions of the namespace that began: the same from every process.",
    labels: [],
    read: ({ stats }) => known(stats?.created),
  },
  {
    name: "sojourn.sessions.ended",
    kind: "counter",
    unit: "{session}",
    help: "Sessions of the namespace that ended, by reason: the same from every process.",
    labels: ["reason"],
    read: ({ stats, reasons }) => (stats === null ? [] : byReason(stats.endedByReason, reasons)),
  },
  {
    name: "sojourn.near_cache.requests",
    kind: "counter",
    unit: "{request}",
    help: "Validations that looked for a copy in this process's near cache, by whether there was one.",
    labels: ["result"],
    read: ({ near }) =>
      near === null
        ? []
        : [
            [["hit"], near.hits],
            [["miss"], near.misses],
          ],
  },
  {
    name: "sojourn.near_cache.entries",
    kind: "gauge",
    unit: "{session}",
    help: "Copies in this process's near cache.",
    labels: [],
    read: ({ near }) => known(near?.size),
  },
  {
    name: "sojourn.near_cache.size",
    kind: "gauge",
    unit: "By",
    help: "Memory of this process's near cache.",
    labels: [],
    read: ({ near }) => known(near?.bytes),
  },
];

/** Those of Sojourn itself first: what an application calls its own ends at a bound. */
export const OWN_REASONS = [
  "expired",
  "logout",
  "login",
  "revoked",
  "evicted",
  "reused",
  "password_changed",
  "disabled",
];
const MAX_REASONS = 24;

/** A reason that has been named stays so, for a counter must not fall. */
function byReason(ended: SessionStats["endedByReason"], named: Set<string>): Iterable<Point<number>> {
  const sums = new Map<string, number>();
  for (const [reason, count] of Object.entries(ended)) {
    if (named.size < MAX_REASONS) named.add(reason);
    const label = named.has(reason) ? reason : "other";
    sums.set(label, (sums.get(label) ?? 0) + count);
  }
  return [...sums].map(([label, count]) => [[label], count]);
}

function known(value: number | null | undefined): Point<number>[] {
  return value === null || value === undefined ? [] : [[[], value]];
}
