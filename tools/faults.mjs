// What callers see when Redis is slow or gone, measured on real servers: prints it, and writes docs/reference/failures.md.
// First each fault with each client, then an application under load while its Redis is frozen for ten seconds.
// Exit code 1 when an answer was other than the failure contract says.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { DEFAULTS } from "../packages/sojourn/src/options.ts";
import { runFault } from "../packages/sojourn/test/support/fault-run.ts";
import { freezeUnderLoad } from "../packages/sojourn/test/support/freeze-run.ts";
import {
  IOREDIS,
  IOREDIS_RECOMMENDED,
  NODE_REDIS_DEFAULTS,
  NODE_REDIS_RECOMMENDED,
} from "../packages/sojourn/test/support/redis-clients.ts";
import { FAULTS } from "../packages/sojourn/test/support/redis-faults.ts";

const LASTS_MS = 2_000;
const PATIENCE_MS = 5_000;
const FREEZE = { frozenMs: 10_000, perSecond: 500 };
const { readDeadlineMs: READ_MS, writeDeadlineMs: WRITE_MS } = DEFAULTS;
const SLACK_MS = 50;
const GROWTH = 50e6;

const target = new URL("../docs/reference/failures.md", import.meta.url);
const kinds = [NODE_REDIS_DEFAULTS, NODE_REDIS_RECOMMENDED, IOREDIS, IOREDIS_RECOMMENDED];
const wrong = [];

const rows = [];
for (const fault of FAULTS) {
  for (const result of await runFault(fault, kinds, { lastsMs: LASTS_MS, patienceMs: PATIENCE_MS })) {
    judge(fault, result);
    rows.push(faultRow(result));
    console.log(rows.at(-1));
  }
}
const freezes = [];
for (const client of ["node-redis", "ioredis"]) {
  const result = await freezeUnderLoad({ client, ...FREEZE });
  judgeFreeze(client, result);
  freezes.push(freezeRow(client, result));
  console.log(freezes.at(-1));
}
writeFileSync(target, page());
console.log(`wrote   ${fileURLToPath(target)}`);
for (const what of wrong) console.error(`NOT AS PROMISED: ${what}`);
process.exitCode = wrong.length === 0 ? 0 : 1;

function judge(fault, { client, reads, writes, recoveryMs, increments }) {
  const where = `${fault.name}, ${client}`;
  const strange = (told, allowed) =>
    [...told.answers.keys()].filter((said) => said !== "ok" && !allowed.includes(said));
  const others = [...strange(reads, fault.reads), ...strange(writes, fault.writes)];
  if (others.length > 0) wrong.push(`${where}: told ${others.join(", ")}`);
  if (reads.worstMs > READ_MS + SLACK_MS) wrong.push(`${where}: a read took ${ms(reads.worstMs)}`);
  if (writes.worstMs > WRITE_MS + SLACK_MS) wrong.push(`${where}: a write took ${ms(writes.worstMs)}`);
  const { acknowledged, unknown, counted } = increments;
  if (counted < acknowledged || counted > acknowledged + unknown) wrong.push(`${where}: increments ${counted}`);
  const mayStayAway = fault.needsSocketTimeout && !client.includes("recommended");
  if (recoveryMs === null && !mayStayAway) wrong.push(`${where}: it did not recover`);
}

function judgeFreeze(client, result) {
  const promises = {
    "an answer that is neither 200 nor 503": Object.keys(result.statuses).some(
      (status) => !["200", "503"].includes(status),
    ),
    "a 503 without Retry-After": result.withoutRetryAfter > 0,
    "a read that took too long": result.worstReadMs > READ_MS + SLACK_MS,
    "a write that took too long": result.worstWriteMs > WRITE_MS + SLACK_MS,
    "no 200 within 2 s": result.recoveryMs === null || result.recoveryMs > 2_000,
    "memory grew": result.grownBytes > GROWTH,
    "over 20 lines of log": result.logLines.length > 20,
    "a rejection that nobody handled": result.unhandledRejections > 0,
    "a write acknowledged and lost": result.lost > 0,
    "a write that landed late": result.landedLate > 0,
  };
  for (const [what, broken] of Object.entries(promises))
    if (broken) wrong.push(`freeze under load, ${client}: ${what}`);
}

function faultRow({ fault, client, reads, writes, recoveryMs }) {
  const recovery = recoveryMs === null ? `not in ${PATIENCE_MS / 1000} s` : ms(recoveryMs);
  const worst = `${ms(reads.worstMs)} / ${ms(writes.worstMs)}`;
  return `| ${[fault, client, answersOf(reads), answersOf(writes), worst, recovery].join(" | ")} |`;
}

function answersOf({ answers }) {
  const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
  const byCount = [...answers].toSorted(([, a], [, b]) => b - a);
  return byCount.map(([said, count]) => `${said} ${share(count / total)}`).join(", ");
}

function share(part) {
  const percent = Math.round(100 * part);
  return percent === 0 ? "< 1 %" : `${percent} %`;
}

function freezeRow(client, result) {
  const answers = Object.entries(result.statuses).map(([status, count]) => `${status}: ${count}`);
  const worst = `${ms(result.worstReadMs)} / ${ms(result.worstWriteMs)}`;
  const grown = `${(result.grownBytes / 1e6).toFixed(1)} MB`;
  const writes = `${result.acknowledged} / ${result.lost} / ${result.landed} / ${result.landedLate}`;
  const cells = [answers.join(", "), worst, ms(result.recoveryMs ?? Number.NaN), grown, result.logLines.length];
  return `| ${[client, ...cells, result.unhandledRejections, writes].join(" | ")} |`;
}

function ms(value) {
  return `${Math.round(value)} ms`;
}

function versions() {
  const redis = /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  const of = (name) =>
    JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
  return `Node ${process.versions.node}, redis-server ${redis}, node-redis ${of("redis")}, ioredis ${of("ioredis")}, Express ${of("express")}`;
}

function page() {
  return `<!-- Made by \`npm run faults\` (tools/faults.mjs) from a measured run. Do not edit. -->

# When Redis is slow or gone, measured

${new Date().toISOString().slice(0, 10)}; ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, loopback; ${versions()}. Deadlines are the
defaults: ${READ_MS} ms for reads, ${WRITE_MS} ms for writes. What the words mean: [When Redis is slow or down](../guide/redis-down.md).

## Each fault with each client

Real servers behind a proxy. Every client reads (\`validate\`) and writes (\`increment\`) 50 times a second while the fault lasts
${LASTS_MS / 1000} s; “recommended” is with the [options of the guide](../guide/redis-down.md#client-options), else the client is as it comes.
Recovery counts from the end of the fault until a read and a write succeeded. No session was taken for ended, and each
counter shows what was acknowledged, plus at most what was told to be \`unknown\`.

| fault | client | reads were told | writes were told | worst read / write | recovery |
|---|---|---|---|---|---|
${rows.join("\n")}

## Ten seconds of freeze under ${FREEZE.perSecond} requests/s

An Express application in a process of its own, real HTTP, four reads to a write, Redis frozen by SIGSTOP. “There after a
503” are writes that were told 503 and happened all the same; none may happen later than its \`notAfter\`.

| client | answers | worst read / write | first 200 after the thaw | memory grown | lines logged | unhandled rejections | writes acknowledged / lost / there after a 503 / of these late |
|---|---|---|---|---|---|---|---|
${freezes.join("\n")}
`;
}
