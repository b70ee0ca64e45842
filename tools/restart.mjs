// What survives a restart of Redis under load, and full memory under each eviction policy, measured on real servers: prints
// both, and writes docs/reference/durability.md. Exit code 1 when something was other than the page promises.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { atFullMemory, POLICIES } from "../packages/sojourn/test/support/eviction-run.ts";
import { ENDS, KEEPING, restartUnderLoad } from "../packages/sojourn/test/support/restart-run.ts";

const LOAD_MS = 2_000;
const MAX_MEMORY = "4mb";
const LOGINS = 8_000;
const target = new URL("../docs/reference/durability.md", import.meta.url);
const wrong = [];

const restarts = [];
for (const keeping of Object.keys(KEEPING)) {
  for (const end of Object.keys(ENDS)) {
    const result = await restartUnderLoad({ keeping, end, loadMs: LOAD_MS });
    judge(keeping, end, result);
    restarts.push(restartRow(keeping, end, result));
    console.log(restarts.at(-1));
  }
}
const evictions = [];
for (const policy of POLICIES) {
  const result = await atFullMemory({ policy, maxMemory: MAX_MEMORY, logins: LOGINS });
  judgeEviction(result);
  evictions.push(evictionRow(result));
  console.log(evictions.at(-1));
}
writeFileSync(target, page());
console.log("wrote   docs/reference/durability.md");
for (const what of wrong) console.error(`NOT AS PROMISED: ${what}`);
process.exitCode = wrong.length === 0 ? 0 : 1;

function judge(keeping, end, { endings, mostOfOneUser, differences, logins }) {
  const where = `${keeping}, ${end}`;
  if (endings.acceptedBySurvivor > 0) wrong.push(`${where}: a process accepted what it had ended`);
  if (endings.undoneForGood > 0) wrong.push(`${where}: endings undone for good`);
  if (mostOfOneUser > 3) wrong.push(`${where}: ${mostOfOneUser} sessions of a user`);
  if (differences > 0) wrong.push(`${where}: indexes differ from records`);
  if (keeping.includes("always") && logins.lost + endings.undone > 0) wrong.push(`${where}: something was lost`);
}

function judgeEviction({ policy, refused, undone, revocationsFailed, signedOut, missed, newProcessReads }) {
  if (Object.keys(refused).length === 0 && signedOut === 0) wrong.push(`${policy}: memory was not full`);
  if (undone + revocationsFailed > 0) wrong.push(`${policy}: revocations failed or undone`);
  if (policy === "noeviction" && (signedOut + missed > 0 || !newProcessReads)) wrong.push(`${policy}: not as before`);
}

function restartRow(keeping, end, { logins, endings, mostOfOneUser, disabledHolds, cutOffHolds, backMs }) {
  const cells = [
    keeping,
    end === "SHUTDOWN" ? "`SHUTDOWN`" : `\`${end}\``,
    `${logins.lost} of ${logins.acknowledged}`,
    `${endings.undone} of ${endings.acknowledged}`,
    `${endings.acceptedBySurvivor} / ${endings.undoneForGood}`,
    mostOfOneUser,
    disabledHolds ? "yes" : "no",
    cutOffHolds ? "yes" : "no",
    backMs === null ? "–" : `${Math.round(backMs)} ms`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function evictionRow({
  policy,
  acknowledged,
  refused,
  signedOut,
  undone,
  revocationsFailed,
  missed,
  ofUsers,
  newProcessReads,
}) {
  const told = Object.entries(refused).map(([what, count]) => `${count} (${what})`);
  const cells = [
    `\`${policy}\``,
    acknowledged,
    told.join(", ") || 0,
    signedOut,
    `${undone} / ${revocationsFailed}`,
    `${missed} of ${ofUsers}`,
    newProcessReads ? "yes" : "no",
  ];
  return `| ${cells.join(" | ")} |`;
}

function versions() {
  const redis = /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1];
  const client = JSON.parse(
    readFileSync(new URL("../node_modules/redis/package.json", import.meta.url), "utf8"),
  ).version;
  return `Node ${process.versions.node}, redis-server ${redis}, node-redis ${client}`;
}

function page() {
  return `<!-- Made by \`npm run restart\` (tools/restart.mjs) from a measured run. Do not edit. -->

# What survives a restart, and full memory

${new Date().toISOString().slice(0, 10)}; ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, loopback; ${versions()}.

## A restart of Redis under load

Eight callers log in, log in once too often (\`limit: { perUser: 3 }\`) and revoke for ${LOAD_MS / 1000} s; half-way the one snapshot is taken,
a user is disabled and one policy is ended with \`revokeBefore\`. Then the server ends and starts again. Counted is what
was acknowledged. “Undone” is what a process accepts that began after the restart, with none left from before; the next column
is the process that was there all the while: what it accepts itself, and what is still undone once it has told the server again.

| Redis keeps | ended by | logins lost | endings undone, every process new | accepted by one that stayed / undone after it told | sessions of the limited user | disabled user refused | \`revokeBefore\` holds | first valid session after |
|---|---|---|---|---|---|---|---|---|
${restarts.join("\n")}

\`kill -9\` loses what the process had not yet handed to the operating system. A power cut also loses what that had not yet put on
the disk, with \`everysec\` up to a second or two: not measured here. In snapshots, whatever was ended since the last one is live again:
\`diagnose()\` calls that a problem. \`disableUser\` is remembered by no process: where the server lost it, call it again.

## Full memory

\`maxmemory ${MAX_MEMORY}\`, ${LOGINS} logins of 150 users. Then a hundred of the sessions that are left log out, and every user is signed out with
\`revokeUser\`. “Missed” are sessions that are good after that: their user's list or the entry in it was evicted.

| policy | logins | refused | signed out by eviction | endings undone / failed | missed by \`revokeUser\` | a new process can read |
|---|---|---|---|---|---|---|
${evictions.join("\n")}
`;
}
