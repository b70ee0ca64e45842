// Failovers and changes of servers under load, behind Sentinels and on a cluster, with each client: prints what was
// acknowledged and lost, and writes docs/reference/failover.md. `--rounds 20` failovers of each; exit code 1 when a promise
// was broken.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { FAILOVER_TOPOLOGIES, FailoverRun } from "../packages/sojourn/test/support/failover-run.ts";
import { CHANGED_TOPOLOGIES } from "../packages/sojourn/test/support/topology-changes.ts";

const ROUNDS = Number(/--rounds[ =](\d+)/.exec(process.argv.join(" "))?.[1] ?? 5);
/** What the failure contract lets a caller be told: an unavailable store. */
const ALLOWED = /: \w+, (?:unknown|not_executed)$/;

const target = new URL("../docs/reference/failover.md", import.meta.url);
const wrong = [];
const rows = [];
const told = [];
const changes = [];

for (const [topology, { kinds }] of Object.entries(FAILOVER_TOPOLOGIES)) {
  for (const kind of kinds) {
    const results = await roundsOf(topology, kind);
    for (const fault of new Set(results.map((each) => each.fault))) {
      const some = results.filter((each) => each.fault === fault);
      rows.push(failoverRow(kind, fault, some));
      console.log(rows.at(-1));
    }
    told.push(`| ${kind} | ${errorsOf(results)} |`);
  }
}
for (const [topology, { kinds, changes: changesOf }] of Object.entries(CHANGED_TOPOLOGIES)) {
  for (const kind of kinds) {
    for (const result of await changesOf(kind)) {
      judgeChange(`${topology}, ${kind}`, result);
      changes.push(changeRow(kind, result));
      console.log(changes.at(-1));
    }
  }
}
writeFileSync(target, page());
console.log(`wrote   ${fileURLToPath(target)}`);
for (const what of wrong) console.error(`NOT AS PROMISED: ${what}`);
process.exitCode = wrong.length === 0 ? 0 : 1;

async function roundsOf(topology, kind) {
  const failover = await FailoverRun.on(topology, kind);
  const results = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const result = await failover.round();
      judge(`${kind}, round ${round + 1}, ${result.fault}`, result);
      results.push(result);
      if (process.env.SOJOURN_VERBOSE) console.log(kind, JSON.stringify(result));
    }
  } finally {
    await failover.close();
  }
  return results;
}

function judge(where, { plain, durable, falseLogouts, acceptedByOwn, errors, firstWriteMs }) {
  const promises = {
    "an acknowledged end was undone": plain.undone + durable.undone > 0,
    "somebody was signed out whose session was not lost": falseLogouts.length > 0,
    "a process accepted a session that it had ended": acceptedByOwn > 0,
    "no write was accepted any more": !Number.isFinite(firstWriteMs),
    "an error of another class": Object.keys(errors).some((said) => !ALLOWED.test(said)),
  };
  for (const [what, broken] of Object.entries(promises)) if (broken) wrong.push(`${where}: ${what}`);
}

function judgeChange(where, { change, wrong: broken, refused, accepted }) {
  const at = `${where}, ${change}`;
  if (refused > 0) wrong.push(`${at}: ${refused} sessions refused`);
  if (accepted > 0) wrong.push(`${at}: ${accepted} ended sessions accepted`);
  for (const said of broken) wrong.push(`${at}: ${said}`);
}

function failoverRow(kind, fault, results) {
  const sum = (of) => results.reduce((total, each) => total + of(each), 0);
  const range = (of) => {
    const sorted = results.map(of).toSorted((a, b) => a - b);
    return `${seconds(sorted[Math.floor((sorted.length - 1) / 2)])} / ${seconds(sorted.at(-1))}`;
  };
  const endings = (which) =>
    [(c) => c.acknowledged, (c) => c.toldAgain, (c) => c.undone]
      .map((of) => sum((each) => of(each[which])))
      .join(" / ");
  const cells = [
    kind,
    fault,
    results.length,
    range((each) => each.promotedMs),
    range((each) => each.firstWriteMs),
    `${sum((each) => each.logins.acknowledged)} / ${sum((each) => each.logins.lost)}`,
    endings("plain"),
    endings("durable"),
    `${sum((each) => each.acceptedByOwn)} / ${sum((each) => each.acceptedByOther)}`,
    range((each) => each.refusedMs),
    `${sum((each) => each.lostSessionsRefused)} / ${sum((each) => each.falseLogouts.length)}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function errorsOf(results) {
  const counts = new Map();
  for (const { errors } of results)
    for (const [said, count] of Object.entries(errors)) counts.set(said, (counts.get(said) ?? 0) + count);
  const calls = results.reduce((total, each) => total + each.calls, 0);
  const byCount = [...counts].toSorted(([, a], [, b]) => b - a).map(([said, count]) => `${said} ${count}`);
  return `${calls} | ${byCount.join("; ") || "none"}`;
}

function changeRow(kind, { change, calls, errors, lost, refused, accepted, ms }) {
  const said = Object.entries(errors).map(([what, count]) => `${what} ${count}`);
  return `| ${[change, kind, seconds(ms), calls, said.join("; ") || "none", lost, refused, accepted].join(" | ")} |`;
}

function seconds(ms) {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : "not in the round";
}

function versions() {
  const redis = /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  const of = (name) =>
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
  return `Node ${process.versions.node}, redis-server ${redis}, node-redis ${of("redis")}, ioredis ${of("ioredis")}`;
}

function page() {
  return `<!-- Made by \`npm run test:failover\` (tools/test-failover.mjs) from a measured run. Do not edit. -->

# Failover, measured

${new Date().toISOString().slice(0, 10)}; ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, loopback; ${versions()}. ${ROUNDS} failovers of each topology and
client. Three Sentinels (\`down-after-milliseconds 500\`) over a primary and two replicas; a cluster of three primaries and three
replicas (\`cluster-node-timeout 1000\`). What the words mean, and the clients' options: [Failover](../guide/failover.md).

Two processes log users in (50 a second each), look at sessions (100 a second) and end sessions (25 a second, every second one
with \`durable: true\`), while the primary (in the cluster: each in turn) is killed; is killed when its replicas have heard
nothing from it for 0.4 s (on loopback a replica is hardly ever behind; over a network it is); is frozen; or is cut off by a proxy. A
second after another server serves, the old one comes back, and a second later follows the new one. The cut is for Sentinels only: nodes of a cluster connect to each other both ways, a proxy in front of a node stops what others send to it, not
what it sends, and a node that is still heard is not taken for dead.

Endings are “acknowledged / told again, for the new primary did not know of them / undone in the end”. Times are median / worst.
“Accepted” counts looks at a session whose end had been acknowledged that said it was good: by the process that had ended it / by
the other one, which had perhaps not heard of it; “until” is when that was last so, from the fault on.

| client | fault | failovers | another primary after | first write of both processes after | logins acknowledged / lost | endings | durable endings | accepted | until | signed out: session lost / not lost |
|---|---|---|---|---|---|---|---|---|---|---|
${rows.join("\n")}

What calls were told meanwhile, other than their answer:

| client | calls | told |
|---|---|---|
${told.join("\n")}

## What operators do

One process under the same load, with a near cache.

| what | client | took | calls | told, other than an answer | sessions lost | others refused | ended ones accepted |
|---|---|---|---|---|---|---|---|
${changes.join("\n")}
`;
}
