// Failovers and changes of servers under load, behind Sentinels and on a cluster, with each client: prints what was
// acknowledged and lost, and writes docs/reference/failover.md. `--rounds 20` failovers of each; `--only ioredis`: of the
// clients of that name, and nothing is written; `--shared` where others use the machine, too. Exit code 1 when a promise was
// broken.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { FAILOVER_TOPOLOGIES, FailoverRun } from "../packages/sojourn/test/support/failover-run.ts";
import { DOWN_AFTER_MS } from "../packages/sojourn/test/support/redis-sentinels.ts";
import { CHANGED_TOPOLOGIES } from "../packages/sojourn/test/support/topology-changes.ts";
import { changeRow, failoverRow, page, seconds, toldRow } from "./failover-page.mjs";

const ROUNDS = Number(/--rounds[ =](\d+)/.exec(process.argv.join(" "))?.[1] ?? 5);
const ONLY = /--only[ =](.+?)(?: --|$)/.exec(process.argv.join(" "))?.[1] ?? "";
/** What the failure contract lets a caller be told: an unavailable store. */
const ALLOWED = /: \w+, (?:unknown|not_executed)$/;

const target = new URL("../docs/reference/failover.md", import.meta.url);
const wrong = [];
const rows = [];
const told = [];
const changes = [];

for (const [topology, { kinds }] of Object.entries(FAILOVER_TOPOLOGIES)) {
  for (const kind of kinds.filter((each) => each.includes(ONLY))) {
    const results = await roundsOf(topology, kind);
    for (const fault of new Set(results.map((each) => each.fault))) {
      const some = results.filter((each) => each.fault === fault);
      rows.push(failoverRow(kind, fault, some));
      console.log(rows.at(-1));
    }
    told.push(toldRow(kind, results));
  }
}
for (const [topology, { kinds, changes: changesOf }] of Object.entries(CHANGED_TOPOLOGIES)) {
  for (const kind of ONLY === "" ? kinds : []) {
    for (const result of await changesOf(kind)) {
      judgeChange(`${topology}, ${kind}`, result);
      changes.push(changeRow(kind, result));
      console.log(changes.at(-1));
    }
  }
}
if (ONLY === "") write();
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
      console.log(roundLine(kind, round + 1, result));
      if (process.env.SOJOURN_VERBOSE) console.log(JSON.stringify(result));
    }
  } finally {
    await failover.close();
  }
  return results;
}

function roundLine(kind, round, { fault, promotedMs, firstWriteMs, deniedMs, toldMs }) {
  const times = [
    `another primary ${seconds(promotedMs)}`,
    `first write ${seconds(firstWriteMs)}`,
    `lost endings refused ${seconds(deniedMs)}`,
    `told again ${seconds(toldMs)}`,
  ];
  return `${kind}, round ${round}, ${fault}: ${times.join(", ")}`;
}

function judge(where, { plain, durable, everywhere, falseLogouts, acceptedByOwn, errors, firstWriteMs }) {
  const promises = {
    "an acknowledged end was undone": plain.undone + durable.undone + everywhere.undone > 0,
    "an end that every replica had was lost": everywhere.toldAgain > 0,
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

function versions() {
  const redis = /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  const of = (name) =>
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
  return `Node ${process.versions.node}, redis-server ${redis}, node-redis ${of("redis")}, ioredis ${of("ioredis")}`;
}

function write() {
  const shared = process.argv.includes("--shared") ? ", on a machine shared with other work" : "";
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, loopback${shared}`;
  const date = new Date().toISOString().slice(0, 10);
  const measured = { rounds: ROUNDS, downAfterMs: DOWN_AFTER_MS, rows, told, changes };
  writeFileSync(target, page({ date, machine, versions: versions(), ...measured }));
  console.log(`wrote   ${fileURLToPath(target)}`);
}
