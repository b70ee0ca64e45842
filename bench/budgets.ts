/** The budgets that the results are held against. `docs/decisions/` has those that were changed, with the reason. */

export interface Budget {
  readonly id: string;
  readonly what: string;
  readonly unit: "×" | "µs" | "ms" | "bytes" | "differences" | "updates" | "sessions" | "faults";
  readonly atLeast?: number;
  readonly atMost?: number;
}

export const CLIENTS = ["node-redis", "ioredis"] as const;
export type ClientName = (typeof CLIENTS)[number];

/** Share of a bare `GET` + `JSON.parse`, by how many are in flight. */
const READS: Readonly<Record<number, { readonly userId: number; readonly data: number }>> = {
  1: { userId: 0.9, data: 0.85 },
  64: { userId: 1.5, data: 1.15 },
  512: { userId: 2, data: 1.3 },
};
const NEAR: Readonly<Record<number, number>> = { 1: 10, 64: 8 };

/** Share of a bare `SET`. */
const WRITES = [
  { kilobytes: 1, inFlight: 1, atLeast: 0.65 },
  { kilobytes: 1, inFlight: 64, atLeast: 0.4 },
  { kilobytes: 10, inFlight: 1, atLeast: 0.1 },
] as const;

function readBudgets(client: ClientName): Budget[] {
  const against = `÷ bare GET + JSON.parse, ${client}`;
  const reads = Object.entries(READS).flatMap(([inFlight, { userId, data }]): Budget[] => [
    ratio(
      `reads.${client}.${inFlight}.userId`,
      `validate(token), userId read, ${inFlight} in flight ${against}`,
      userId,
    ),
    ratio(`reads.${client}.${inFlight}.data`, `validate(token), data read, ${inFlight} in flight ${against}`, data),
  ]);
  const near = Object.entries(NEAR).map(([inFlight, atLeast]) =>
    ratio(`reads.${client}.${inFlight}.near`, `near-cache hit, ${inFlight} in flight ${against}`, atLeast),
  );
  const writes = WRITES.map(({ kilobytes, inFlight, atLeast }) =>
    ratio(
      `writes.${client}.${kilobytes}.${inFlight}`,
      `one-field write of a ${kilobytes} kB record, ${inFlight} in flight ÷ SET, ${client}`,
      atLeast,
    ),
  );
  const p50 = `p50 of validate(token), 1 in flight, loopback, ${client}`;
  return [...reads, ...near, ...writes, { id: `reads.${client}.p50`, what: p50, unit: "ms", atMost: 1 }];
}

function ratio(id: string, what: string, atLeast: number): Budget {
  return { id, what, unit: "×", atLeast };
}

/** On a cluster, of a bare `GET` of the same client of it. */
function clusterBudgets(client: ClientName): Budget[] {
  return [1, 64].flatMap((inFlight) =>
    (["userId", "data"] as const).map((kind) =>
      ratio(
        `cluster.${client}.${inFlight}.${kind}`,
        `validate(token), ${kind} read, on a cluster, ${inFlight} in flight ÷ bare GET + JSON.parse, ${client}`,
        0.8,
      ),
    ),
  );
}

function httpBudgets(id: string, framework: string, incumbent: string): Budget[] {
  const cpu = (what: string) => `CPU above no session, ${what}, ${framework}`;
  return [
    ratio(`http.${id}.incumbent`, `HTTP requests/s, ${framework} ÷ ${incumbent}`, 2),
    ratio(`http.${id}.incumbent.near`, `the same with the near cache, ${framework}`, 2.5),
    ratio(`http.${id}.one-get`, `HTTP requests/s, ${framework} ÷ hand-written middleware with one GET`, 0.9),
    { id: `http.${id}.anonymous`, what: cpu("anonymous"), unit: "µs", atMost: 1 },
    { id: `http.${id}.near`, what: cpu("near-cache hit"), unit: "µs", atMost: 4 },
  ];
}

/** What a million sessions may not make slower, by their names in `bench/million/operations.ts`. */
const STEADY = [
  "create",
  "validate",
  "get",
  "touch",
  "patch",
  "increment",
  "rotate",
  "revoke",
  "list",
  "activity",
  "event",
];
const STEADY_STEPS = ["failedLogin", "find", "drain", "check", "reap"];

function millionBudgets(): Budget[] {
  const steady = [...STEADY, ...STEADY_STEPS].map((name): Budget => {
    return { id: `million.${name}`, what: `time of ${name} at 1,000,000 sessions ÷ at 10,000`, unit: "×", atMost: 1.5 };
  });
  const pings = [
    ["count", "active count"],
    ["signout", "sign-out of a user with 10,000 sessions"],
    ["reap", "reaping"],
  ].map(([id, what]): Budget => {
    return { id: `million.ping.${id}`, what: `another client's ping during ${what}, p99.9`, unit: "ms", atMost: 10 };
  });
  const count: Budget = { id: "million.count", what: "active count at 1,000,000 sessions", unit: "ms", atMost: 20 };
  return [...steady, count, ...pings];
}

export const BUDGETS: readonly Budget[] = [
  {
    id: "commands",
    what: "Redis commands of each operation: counted otherwise than asked",
    unit: "differences",
    atMost: 0,
  },
  { id: "promises.lost", what: "acknowledged updates lost", unit: "updates", atMost: 0 },
  { id: "promises.resurrected", what: "logged out and usable afterwards", unit: "sessions", atMost: 0 },
  ...CLIENTS.flatMap(readBudgets),
  ...CLIENTS.flatMap(clusterBudgets),
  { id: "redis-cpu.read", what: "Redis CPU of a read", unit: "µs", atMost: 1.5 },
  { id: "redis-cpu.touch", what: "Redis CPU of a touch", unit: "µs", atMost: 15 },
  { id: "redis-cpu.patch", what: "Redis CPU of a one-field write", unit: "µs", atMost: 15 },
  { id: "redis-cpu.create", what: "Redis CPU of a login", unit: "µs", atMost: 30 },
  ...httpBudgets("express", "Express", "express-session + connect-redis"),
  ...httpBudgets("fastify", "Fastify", "@fastify/session + connect-redis"),
  { id: "memory.session", what: "Redis memory of a session, all indexes and device", unit: "bytes", atMost: 1_300 },
  { id: "memory.record", what: "record without indexes and device ÷ bare SET", unit: "×", atMost: 1.35 },
  { id: "memory.ended", what: "left behind by an ended session for 1 h", unit: "bytes", atMost: 450 },
  { id: "propagation", what: "revoked on one node → refused on another, near cache on, p99", unit: "ms", atMost: 20 },
  ...millionBudgets(),
  { id: "packed", what: "library, packed, all that a server can load", unit: "bytes", atMost: 150_000 },
  {
    id: "packed.application",
    what: "JavaScript that an application of Express on Redis loads, packed",
    unit: "bytes",
    atMost: 150_000,
  },
  { id: "packed.faults", what: "dependencies, install scripts and the like in the package", unit: "faults", atMost: 0 },
];

/** What a scenario measured for a budget; for comparisons with the 95 % interval. */
export interface Measured {
  readonly budget: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
  /** Of a contestant that missed: the file of its CPU profile beside the results, and where its time went. */
  readonly profile?: string;
  readonly hottest?: readonly string[];
}

export type Verdict = "pass" | "miss" | "not run";

export function verdict({ atLeast, atMost }: Budget, measured: Measured | undefined): Verdict {
  if (measured === undefined) return "not run";
  const isMet = measured.value >= (atLeast ?? -Infinity) && measured.value <= (atMost ?? Infinity);
  return isMet ? "pass" : "miss";
}

/** @throws RangeError for an id that no budget has */
export function budgetOf(id: string): Budget {
  const budget = BUDGETS.find((each) => each.id === id);
  if (budget === undefined) throw new RangeError(`no budget ${id}`);
  return budget;
}
