// docs/reference/capacity.md: what 10 million, 100 million and a billion sessions take, from the committed measurements of
// bench/results by the formulas that the page states; and a seeded simulation of 1,000 shards. What was not measured is not
// computed: it says so.
import { fileURLToPath } from "node:url";
import { number as figure, table } from "../bench/harness/markdown.ts";
import { kept } from "../bench/harness/results-folder.ts";
import { BUCKET_TAGS } from "../packages/sojourn/src/stores/redis/bucket-tags.generated.ts";
import { slotOf } from "../packages/sojourn/src/stores/redis/slots.ts";
import { Random } from "../packages/sojourn/test/support/random.ts";

const SLOTS = 16_384;
const NOT_MEASURED = "not measured";
const SIZES = [10_000_000, 100_000_000, 1_000_000_000];

/** What an application is taken to do: change them for yours. */
export const ASSUMED = {
  requestsPerHour: 20,
  writeShare: 0.1,
  touchesPerHour: 6,
  lifetimeHours: 24,
  shardGiB: 16,
  memoryShare: 0.6,
  cpuShare: 0.5,
  processes: 1_000,
};

function number(value) {
  return value >= 1_000 ? Math.round(value).toLocaleString("en") : figure(value);
}

/** Everything measured that the page needs; undefined where no result says it. */
export function inputsOf(results) {
  const measured = new Map(results.flatMap((result) => result.measured).map((each) => [each.budget, each.value]));
  const fact = (scenario, what, column) => {
    const rows = results.find((each) => each.scenario === scenario)?.facts.flatMap((facts) => facts.rows) ?? [];
    const text = rows.find(([first]) => first === what)?.[column];
    return text === undefined ? undefined : Number(text.replaceAll(",", ""));
  };
  const moving = (what) => fact("resharding", what, 1);
  const wire = (what) => ({ in: fact("wire", what, 1), out: fact("wire", what, 2) });
  return {
    bytes: { session: measured.get("memory.session"), ended: measured.get("memory.ended") },
    micros: {
      read: measured.get("redis-cpu.read"),
      touch: measured.get("redis-cpu.touch"),
      write: measured.get("redis-cpu.patch"),
      create: measured.get("redis-cpu.create"),
      end: fact("redis-cpu", "logout", 2),
    },
    wire: {
      read: wire("validate"),
      touch: wire("touch"),
      write: wire("set"),
      create: wire("create"),
      end: wire("logout"),
    },
    copyMBs: moving("MB a second, 10 keys at once"),
    indexMs: moving("ms for an index of 100,000 sessions"),
  };
}

/** Operations a second of so many live sessions. */
export function operationsOf(sessions, { requestsPerHour, writeShare, touchesPerHour, lifetimeHours } = ASSUMED) {
  const requests = (sessions * requestsPerHour) / 3_600;
  return {
    read: requests,
    touch: (sessions * Math.min(touchesPerHour, requestsPerHour)) / 3_600,
    write: requests * writeShare,
    create: sessions / (lifetimeHours * 3_600),
    end: sessions / (lifetimeHours * 3_600),
  };
}

/** NaN where an input is missing. */
export function planOf(sessions, inputs, assumed = ASSUMED) {
  const operations = operationsOf(sessions, assumed);
  const sum = (each) =>
    Object.entries(operations).reduce((total, [name, rate]) => total + rate * (each(name) ?? NaN), 0);
  const ended = operations.end * 3_600;
  const bytes = sessions * (inputs.bytes.session ?? NaN) + ended * (inputs.bytes.ended ?? NaN);
  const cores = sum((name) => inputs.micros[name]) / 1e6;
  const forMemory = Math.ceil(bytes / (assumed.shardGiB * 2 ** 30 * assumed.memoryShare));
  const forCpu = Math.ceil(cores / assumed.cpuShare);
  const shards = evenShards(Math.max(forMemory, forCpu));
  const network = sum((name) => inputs.wire[name].in + inputs.wire[name].out);
  return { operations, bytes, cores, forMemory, forCpu, shards, network };
}

/** The next number of shards that gets equally many of the 1,024 buckets each; beyond 1,024 there is none. */
export function evenShards(shards) {
  return Number.isNaN(shards) ? NaN : 2 ** Math.ceil(Math.log2(shards));
}

/** How many buckets each shard of an evenly split cluster has. */
export function bucketsOfShards(shards) {
  const counts = Array.from({ length: shards }, () => 0);
  for (const tag of BUCKET_TAGS) counts[Math.floor((slotOf(`{${tag}}`) * shards) / SLOTS)] += 1;
  return counts;
}

/** Which shard each slot of an evenly split cluster is on. */
function evenOwners(shards) {
  return Array.from({ length: SLOTS }, (_, slot) => Math.floor((slot * shards) / SLOTS));
}

/**
 * What `redis-cli --cluster rebalance --cluster-use-empty-masters` does when shards are added: whoever has more slots than
 * its share gives its lowest ones, first whoever has most, to whoever lacks most until that has its share.
 */
export function resharded(from, to) {
  const before = evenOwners(from);
  const owners = [...before];
  const share = Math.floor(SLOTS / to);
  const balances = Array.from({ length: to }, () => -share);
  for (const shard of before) balances[shard] += 1;
  // Shares are rounded down: those that lack slots take what is over.
  const lacking = balances.flatMap((balance, shard) => (balance <= 0 ? [shard] : []));
  const over = balances.reduce((sum, balance) => sum + balance, 0);
  for (let n = 0; n < over; n++) balances[lacking[n % lacking.length]] -= 1;
  const inOrder = balances
    .keys()
    .toArray()
    .toSorted((a, b) => balances[a] - balances[b]);
  const takers = inOrder.filter((shard) => balances[shard] < 0);
  const givers = inOrder.filter((shard) => balances[shard] > 0).toReversed();
  for (const giver of givers) {
    for (let slot = before.indexOf(giver); balances[giver] > 0; slot++) {
      owners[slot] = takers[0];
      balances[giver] -= 1;
      balances[takers[0]] += 1;
      if (balances[takers[0]] === 0) takers.shift();
    }
  }
  return movesOf(before, owners, to);
}

function movesOf(before, owners, shards) {
  const [sent, received, held] = [0, 0, 0].map(() => Array.from({ length: shards }, () => 0));
  for (const tag of BUCKET_TAGS) {
    const slot = slotOf(`{${tag}}`);
    held[owners[slot]] += 1;
    if (owners[slot] === before[slot]) continue;
    sent[before[slot]] += 1;
    received[owners[slot]] += 1;
  }
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);
  return {
    slots: owners.filter((owner, slot) => owner !== before[slot]).length,
    buckets: sum(sent),
    mostSent: Math.max(...sent),
    mostReceived: Math.max(...received),
    fullest: Math.max(...held),
    emptiest: Math.min(...held),
  };
}

/** Seconds for so many buckets, each of so many bytes: one after the other, as redis-cli does. */
export function secondsFor(buckets, bucketBytes, copyMBs) {
  return (buckets * bucketBytes) / ((copyMBs ?? NaN) * 1e6);
}

/** Users, some of them much busier than others (Pareto), thrown into buckets; load of each shard ÷ its fair share. */
export function simulate({ shards, users, alpha, seed }) {
  const random = new Random("capacity", seed);
  const buckets = new Float64Array(BUCKET_TAGS.length);
  let [total, busiest] = [0, 0];
  for (let user = 0; user < users; user++) {
    const weight = Math.min(10_000, (1 - random.next()) ** (-1 / alpha));
    buckets[Math.floor(random.next() * buckets.length)] += weight;
    total += weight;
    busiest = Math.max(busiest, weight);
  }
  const loads = new Float64Array(shards);
  for (const [bucket, tag] of BUCKET_TAGS.entries()) {
    loads[Math.floor((slotOf(`{${tag}}`) * shards) / SLOTS)] += buckets[bucket];
  }
  const shares = [...loads].map((load) => (load * shards) / total).toSorted((a, b) => a - b);
  const bucketShares = [...buckets].map((load) => (load * buckets.length) / total).toSorted((a, b) => a - b);
  return {
    fullest: shares.at(-1),
    emptiest: shares[0],
    fullestBucket: bucketShares.at(-1),
    busiest: busiest / (total / users),
  };
}

function shown(value, unit = "") {
  if (value === undefined || Number.isNaN(value)) return NOT_MEASURED;
  return `${number(value)}${unit}`;
}

function gibibytes(bytes) {
  return shown(bytes / 2 ** 30, " GiB");
}

function inputTable({ bytes, micros, wire }) {
  const operation = (name, what) => [what, shown(micros[name]), shown(wire[name].in), shown(wire[name].out)];
  return [
    table(
      ["memory", "bytes"],
      [
        ["live session, with device and all indexes", shown(bytes.session)],
        ["what an ended one leaves behind for an hour", shown(bytes.ended)],
      ],
    ),
    table(
      ["operation", "Redis CPU µs", "bytes to Redis", "bytes from Redis"],
      [
        operation("read", "validate"),
        operation("touch", "touch, at most one in a touch interval"),
        operation("write", "set a field"),
        operation("create", "create"),
        operation("end", "logout"),
      ],
    ),
  ].join("\n\n");
}

function planTable(inputs) {
  const plans = SIZES.map((sessions) => planOf(sessions, inputs));
  const row = (what, of) => [what, ...plans.map(of)];
  return table(
    ["", "10 million", "100 million", "1 billion"],
    [
      row("requests a second (= reads, no near cache)", ({ operations }) => number(operations.read)),
      row("touches a second", ({ operations }) => number(operations.touch)),
      row("writes a second", ({ operations }) => number(operations.write)),
      row("logins a second, and as many endings", ({ operations }) => number(operations.create)),
      row("memory of the primaries", ({ bytes }) => gibibytes(bytes)),
      row("with a replica each", ({ bytes }) => gibibytes(2 * bytes)),
      row("cores of Redis", ({ cores }) => shown(cores)),
      row("shards for memory", ({ forMemory }) => shown(forMemory)),
      row("shards for CPU", ({ forCpu }) => shown(forCpu)),
      row("**shards**, evenly filled", ({ shards }) => shardsShown(shards)),
      row("network of all primaries, both ways", ({ network }) => shown((network * 8) / 1e9, " Gbit/s")),
      row("of one shard", ({ network, shards }) => shown((network * 8) / 1e6 / shards, " Mbit/s")),
    ],
  );
}

function shardsShown(shards) {
  return shards > BUCKET_TAGS.length ? `${shown(shards)}: more than the 1,024 there can be` : shown(shards);
}

function bucketTable() {
  const rows = [3, 30, 100, 256, 512, 1_000, 1_024].map((shards) => {
    const counts = bucketsOfShards(shards);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    return [number(shards), `${least} – ${most}`, number((most * shards) / BUCKET_TAGS.length)];
  });
  return table(["shards", "buckets of a shard", "fullest ÷ its share"], rows);
}

function simulationTable() {
  const users = 1_000_000;
  const rows = [512, 1_000, 1_024].flatMap((shards) =>
    [
      ["all alike", 1e9],
      ["some much busier", 1.3],
    ].map(([what, alpha]) => {
      const { fullest, emptiest, fullestBucket, busiest } = simulate({ shards, users, alpha, seed: 1 });
      return [number(shards), what, ...[busiest, fullestBucket, fullest, emptiest].map((value) => number(value))];
    }),
  );
  return table(
    [
      "shards",
      "users",
      "busiest user ÷ mean",
      "fullest bucket ÷ share",
      "fullest shard ÷ share",
      "emptiest shard ÷ share",
    ],
    rows,
  );
}

function reshardingTable(inputs) {
  const rows = SIZES.map((sessions) => {
    const { bytes, shards } = planOf(sessions, inputs);
    const perBucket = sessions / BUCKET_TAGS.length;
    const half = BUCKET_TAGS.length / shards / 2;
    const seconds = secondsFor(half, bytes / BUCKET_TAGS.length, inputs.copyMBs);
    return [
      number(sessions),
      number(perBucket),
      gibibytes(bytes / BUCKET_TAGS.length),
      gibibytes(bytes / shards / 2),
      shown(seconds, " s"),
    ];
  });
  return table(
    ["sessions", "sessions of a bucket", "memory of a bucket", "moved from a shard that is split in two", "that takes"],
    rows,
  );
}

const ADDED = [
  [100, 101],
  [1_000, 1_001],
  [128, 256],
  [512, 1_024],
];

function addedTable(inputs) {
  const sessions = 1_000_000_000;
  const bucketBytes = planOf(sessions, inputs).bytes / BUCKET_TAGS.length;
  const minutes = (buckets) => shown(secondsFor(buckets, bucketBytes, inputs.copyMBs) / 60, " min");
  const rows = ADDED.map(([from, to]) => {
    const { slots, buckets, mostSent, mostReceived, fullest, emptiest } = resharded(from, to);
    return [
      `${number(from)} → ${number(to)}`,
      number(slots),
      number(buckets),
      number((buckets * sessions) / BUCKET_TAGS.length),
      gibibytes(buckets * bucketBytes),
      minutes(buckets),
      minutes(Math.max(mostSent, mostReceived)),
      `${emptiest} – ${fullest}`,
    ];
  });
  const titles = ["slots", "buckets", "sessions", "memory", "one after the other", "all at once"];
  return table(["shards", ...titles, "buckets of a shard afterwards"], rows);
}

function breaksFirst(inputs) {
  const billion = planOf(1e9, inputs);
  const endings = billion.operations.end;
  // Decision 0013: hearing one ending takes 13–15 µs of a process.
  const hearing = (endings * 14) / 1e6;
  const { micros } = inputs;
  const userLimit = ASSUMED.cpuShare / ((micros.read ?? NaN) / 1e6);
  return [
    `**Hearing of every ending.** Each process hears each ending of all: at a billion sessions ${number(endings)} a second, at 13–15 µs each (decision 0013) ${number(hearing * 100)} % of every process's core, and each is sent to all ${number(ASSUMED.processes)} processes. \`hearEndings: false\` and no near cache from about a tenth of that on.`,
    `**Resharding.** Two keys of a bucket, its index of expiries and its set of users, hold an entry for each of its sessions or users: ${number(1e9 / 1024)} at a billion, ${number(1e7 / 1024)} at 10 million. Redis moves a key in one step and answers nobody meanwhile: measured, ${shown(inputs.indexMs, " ms")} for 100,000 entries, so ${shown(((inputs.indexMs ?? NaN) * 1e9) / 1024 / 1e5 / 1e3, " s")} for those of a billion sessions. Have the shards that you will need from the start; double them, never add one.`,
    `**The number of shards.** 1,024 buckets are frozen into the ids. A billion sessions need ${shardsShown(billion.shards)}. Past 1,024 shards, or where one bucket outgrows a server, a second namespace takes the next users.`,
    `**A user who is too busy.** All of a user's sessions are in one bucket, on one core: ${shown(userLimit)} reads a second at ${number(ASSUMED.cpuShare * 100)} % of it, less what its other users do. The near cache takes reads away from it.`,
    `**The shared keys.** Facts, cut-offs and samples of a namespace are on one shard each. Every process that reads fetches the cut-offs once a second: ${number(ASSUMED.processes)} \`GET\`s a second for ${number(ASSUMED.processes)} processes, ${shown(((micros.read ?? NaN) * ASSUMED.processes) / 1e4)} % of that shard's core.`,
    `**What looks at everything**: \`find\` without a user, \`revokeBefore\` (its cut-off counts within a second, the sweep takes as long as it takes), \`check\`. \`count\` and \`stats\` ask 1,024 keys, however many sessions there are.`,
  ].map((text, i) => `${i + 1}. ${text}`);
}

export function generate(results = kept(fileURLToPath(new URL("../bench/results/", import.meta.url)))) {
  const inputs = inputsOf(results);
  const a = ASSUMED;
  return `# Capacity: past one machine

Made by tools/gen-capacity.mjs from the committed measurements of one machine (\`bench/results\`); do not edit. Nothing here
but the first two tables was measured: the rest is arithmetic, and a simulation. Measure again on your machines before you buy.

## Measured

${inputTable(inputs)}

## Assumed

${a.requestsPerHour} requests an hour of each live session at the peak, ${a.writeShare * 100} % of them write; at most ${a.touchesPerHour} touches an hour (policy \`normal\`); a session lives
${a.lifetimeHours} h; no near cache. A shard is one Redis process with ${a.shardGiB} GiB, ${a.memoryShare * 100} % filled (a fork for a snapshot, fragmentation), ${a.cpuShare * 100} % of a core busy.

## Computed

- memory = sessions × bytes of a session + endings of an hour × bytes left behind
- cores = Σ operations a second × CPU µs ÷ 10⁶; network = Σ operations a second × bytes in and out
- shards = the larger of memory ÷ (${a.shardGiB} GiB × ${a.memoryShare}) and cores ÷ ${a.cpuShare}, up to the next power of two: 1,024 buckets spread evenly over no other number

${planTable(inputs)}

## Balance

A user's sessions are in one of 1,024 buckets, a bucket in one slot. A number of shards that does not divide 1,024 leaves some with a bucket more than others: at 30 that is 1.03 times the share, at 1,000 nearly twice, so that 1,000 shards carry no more than 512. Take a power of two.

${bucketTable()}

Simulated (seed 1): a million users, all alike, or by a Pareto law (α = 1.3, at most 10,000 times the least busy). More users, better balance.

${simulationTable()}

## Resharding

Doubling the shards halves each: every shard gives half of its buckets to a new one, and all can do so at once.
Time = buckets × memory of a bucket ÷ the measured ${shown(inputs.copyMBs, " MB/s")} (10 keys a \`MIGRATE\`, redis-cli's default; both servers on one machine).

${reshardingTable(inputs)}

Simulated: a billion sessions, and what \`redis-cli --cluster rebalance\` moves. It gives away each shard's lowest slots, one slot after the other; several at once, between other shards, take as long as the shard that gives or takes most. One shard more relieves whoever had a bucket in the slots that it takes; the fullest shard may stay as full as it was. Its shares are rounded down, so that at 1,001 old shards also give slots to each other.

${addedTable(inputs)}

## What breaks first

${breaksFirst(inputs).join("\n")}
`;
}
