// bench/results/ (page and plots) and the README's part on measurements, from the committed JSON of bench/results alone.
import { fileURLToPath } from "node:url";
import { BUDGETS, verdict } from "../bench/budgets.ts";
import { number, table } from "../bench/harness/markdown.ts";
import { kept, rendered } from "../bench/harness/results-folder.ts";

const folder = new URL("../bench/results/", import.meta.url);
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";
const PLOT = "http.svg";

/** Rows of the README, in its order: what, the budget that was measured for it, its unit. */
const SHOWN = [
  ["`validate(token)` ÷ bare `GET` + `JSON.parse`, 1 in flight", "reads.node-redis.1.userId"],
  ["the same, 64 in flight", "reads.node-redis.64.userId"],
  ["the same from the near cache, 64 in flight", "reads.node-redis.64.near"],
  ["`validate(token)`, 1 in flight on loopback, p50", "reads.node-redis.p50"],
  ["requests/s, Express ÷ express-session + connect-redis", "http.express.incumbent"],
  ["the same with the near cache", "http.express.incumbent.near"],
  ["CPU of an anonymous request above no session at all, Express", "http.express.anonymous"],
  ["requests/s, Fastify ÷ @fastify/session + connect-redis", "http.fastify.incumbent"],
  ["the same with the near cache", "http.fastify.incumbent.near"],
  ["Redis memory of a session with device and all indexes", "memory.session"],
  ["revoked on one server → refused on another, near cache on, p99", "propagation"],
];

const COUNTED =
  "Counted over HTTP: two requests of one session that store different fields at the same time; a logout while another request of the session is under way.";

/** Files of bench/results that are made from others there, as [url, text]. */
export function generated(results = kept(fileURLToPath(folder))) {
  return rendered(results).map(([name, text]) => [new URL(name, folder), text]);
}

/** The README with today's measurements between its two marks. @throws Error when it has not exactly one pair of them. */
export function readmeWith(readme, results = kept(fileURLToPath(folder))) {
  const [before, inside, ...more] = readme.split(BEGIN);
  const [, after, ...rest] = (inside ?? "").split(END);
  if (after === undefined || more.length > 0 || rest.length > 0) {
    throw new Error(`README.md must have ${BEGIN} and ${END} once each, in this order`);
  }
  return `${before}${BEGIN}\n${measurements(results)}\n${END}${after}`;
}

/** What was measured, and nothing about what was not. */
export function measurements(results) {
  const measured = new Map(results.flatMap((result) => result.measured).map((each) => [each.budget, each]));
  const rates = results.flatMap((result) => result.rates);
  const promises = results.find(({ scenario }) => scenario === "promises");
  return [
    ...(promises === undefined ? [] : [COUNTED, ...promises.facts.map(factTable)]),
    ...(rates.some(({ plot }) => plot !== undefined)
      ? [`![Requests per second of GET /me with a session, Sojourn beside its peers](bench/results/${PLOT})`]
      : []),
    ...shownTable(measured),
    summaryOf(measured, results),
  ].join("\n\n");
}

function factTable({ columns, rows }) {
  return table(columns, rows);
}

function shownTable(measured) {
  const rows = SHOWN.flatMap(([what, id]) => {
    const found = measured.get(id);
    return found === undefined ? [] : [[what, valueOf(found), limitOf(id, found)]];
  });
  return rows.length === 0 ? [] : [table(["measured", "", "budget"], rows)];
}

function valueOf({ budget, value, low, high }) {
  const { unit } = BUDGETS.find(({ id }) => id === budget);
  const interval = low === undefined || high === undefined ? "" : ` (${number(low)} – ${number(high)})`;
  return `${number(value)} ${unit}${interval}`;
}

function limitOf(id, found) {
  const budget = BUDGETS.find((each) => each.id === id);
  const { atLeast, atMost, unit } = budget;
  const limit = atLeast === undefined ? `≤ ${number(atMost)} ${unit}` : `≥ ${number(atLeast)} ${unit}`;
  return verdict(budget, found) === "miss" ? `${limit}: **missed**` : limit;
}

function summaryOf(measured, [first]) {
  const count = (wanted) => BUDGETS.filter((budget) => verdict(budget, measured.get(budget.id)) === wanted).length;
  const notRun = count("not run");
  const counts = `[Budgets](bench/results/README.md): ${count("pass")} met, ${count("miss")} missed${notRun === 0 ? "" : `, ${notRun} not run yet`}.`;
  if (first === undefined) return counts;
  const { processor, cores } = first.machine;
  return `${counts} One machine (${processor}, ${cores} cores), loopback; medians with 95 % intervals; versions, samples, method and profiles of what missed are beside them. \`npm run bench\` measures again.`;
}
