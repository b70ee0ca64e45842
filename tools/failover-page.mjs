// docs/reference/failover.md from what rounds of tools/test-failover.mjs found.

/** @param results rounds with one client and one fault */
export function failoverRow(kind, fault, results) {
  const sum = (of) => results.reduce((total, each) => total + of(each), 0);
  const cells = [
    kind,
    fault,
    failovers(results),
    medianAndWorst(results.map((each) => each.promotedMs)),
    medianAndWorst(results.map((each) => each.firstWriteMs)),
    `${sum((each) => each.logins.acknowledged)} / ${sum((each) => each.logins.lost)}`,
    ...["plain", "durable", "everywhere"].map((which) => endings(results.map((each) => each[which]))),
    whereLost(results.map((each) => each.deniedMs)),
    whereLost(results.map((each) => each.toldMs)),
    accepted(results),
    `${sum((each) => each.lostSessionsRefused)} / ${sum((each) => each.falseLogouts.length)}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

function failovers(results) {
  const again = results.filter((each) => each.again).length;
  return again === 0 ? results.length : `${results.length}; after ${again} another one`;
}

function endings(counts) {
  const [acknowledged, toldAgain, undone] = ["acknowledged", "toldAgain", "undone"].map((what) =>
    counts.reduce((total, each) => total + each[what], 0),
  );
  return acknowledged === 0 ? "–" : `${acknowledged} / ${toldAgain} / ${undone}`;
}

function accepted(results) {
  const [own, other] = ["acceptedByOwn", "acceptedByOther"].map((what) =>
    results.reduce((total, each) => total + each[what], 0),
  );
  if (own + other === 0) return "none";
  return `${own} / ${other}, until ${seconds(Math.max(...results.map((each) => each.refusedMs)))}`;
}

/** Of the rounds in which there was one. */
function whereLost(times) {
  const some = times.filter((ms) => ms !== null);
  return some.length === 0 ? "none" : medianAndWorst(some);
}

function medianAndWorst(times) {
  const sorted = times.toSorted((a, b) => (a === b ? 0 : a - b));
  return `${seconds(sorted[Math.floor((sorted.length - 1) / 2)])} / ${seconds(sorted.at(-1))}`;
}

export function seconds(ms) {
  if (ms === null) return "none";
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : "not in the round";
}

export function toldRow(kind, results) {
  const counts = new Map();
  for (const { errors } of results)
    for (const [said, count] of Object.entries(errors)) counts.set(said, (counts.get(said) ?? 0) + count);
  const calls = results.reduce((total, each) => total + each.calls, 0);
  const byCount = [...counts].toSorted(([, a], [, b]) => b - a).map(([said, count]) => `${said} ${count}`);
  return `| ${kind} | ${calls} | ${byCount.join("; ") || "none"} |`;
}

export function changeRow(kind, { change, calls, errors, lost, refused, accepted: ended, ms }) {
  const said = Object.entries(errors).map(([what, count]) => `${what} ${count}`);
  return `| ${[change, kind, seconds(ms), calls, said.join("; ") || "none", lost, refused, ended].join(" | ")} |`;
}

export function page({ date, machine, versions, rounds, downAfterMs, rows, told, changes }) {
  return `<!-- Made by \`npm run test:failover\` (tools/test-failover.mjs) from a measured run. Do not edit. -->

# Failover, measured

${date}; ${machine}; ${versions}.

${rounds} failovers of each topology and client. Three Sentinels (\`down-after-milliseconds ${downAfterMs}\`) over a primary and two replicas; a cluster of three primaries and three
replicas (\`cluster-node-timeout 1000\`). What the words mean, and the clients' options: [Failover](../guide/failover.md).

Two processes log users in (50 a second each), look at sessions (100 a second) and end sessions (25 a second, every second one
with \`durable: true\`), while the primary (in the cluster: each in turn) is killed; is killed when its replicas have heard
nothing from it for 0.4 s (on loopback a replica is hardly ever behind; over a network it is); is frozen; is cut off by a proxy;
or goes on, and a replica takes over all the same (\`SENTINEL FAILOVER\`; so it is when only the Sentinels do not reach it). A
second after another server serves, the old one comes back, and a second later follows the new one. The last two are for Sentinels
only: nodes of a cluster connect to each other both ways, a proxy in front of a node stops what others send to it, not
what it sends, and a node that is still heard is not taken for dead.

Times are median / worst, from the fault on. Endings are “acknowledged / told again, for the new primary did not know of them /
undone in the end”; durable ones of the process that waits for one replica, and of the one that waits for both. Of endings that
were lost: “refused” is when, with the new primary there, the process that had not ended the session first refused it; “told
again” is when the new primary had the last of them, so that any process refuses them. (With \`SENTINEL FAILOVER\` the old primary may
have taken that first write, and have refused.) “Accepted” counts looks at a session whose end had been acknowledged that said it was
good: by the process that had ended it / by the other one, which had perhaps not heard of it.

| client | fault | failovers | another primary after | first write of both processes after | logins acknowledged / lost | endings | durable endings, one replica | durable endings, both replicas | lost ones refused after | lost ones told again after | accepted | signed out: session lost / not lost |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
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
