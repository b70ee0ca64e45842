// The feature table of README.md and docs/reference/features.md, from the titles of the brief's tests.
import { readFileSync } from "node:fs";

const source = new URL("../packages/sojourn/test/brief.test.ts", import.meta.url);
const BEGIN = "<!-- features:begin -->";
const END = "<!-- features:end -->";

/** `describe(…)` begins a system, `test.todo(…)` stands for a later issue, `test(…)` and `onEngines(…)` are tests. */
const CALL = /^[ \t]*(describe|test\.todo|test|on[A-Z]\w*)\(\s*("(?:[^"\\\n]|\\.)*")?/gm;

/** What the test file says, system by system in its order. @throws Error for a title that cannot be read or stands twice. */
export function systemsOf(text) {
  const systems = [];
  for (const [call, kind, literal] of text.matchAll(CALL)) {
    if (literal === undefined) throw new Error(`${call.trim()}: a title must be a plain string in double quotes`);
    const title = JSON.parse(literal);
    if (kind === "describe") systems.push({ name: title, entries: [] });
    else systems.at(-1).entries.push(entryOf(title, kind));
  }
  for (const { name, entries } of systems) {
    if (entries.length === 0) throw new Error(`${name} has no tests`);
    requireUnique(entries.map((entry) => `${name} > ${entry.engines}${entry.title}`));
  }
  requireUnique(systems.map(({ name }) => name));
  return systems;
}

function entryOf(title, kind) {
  if (kind !== "test.todo") return { title, issue: null, engines: kind };
  const match = /^(.*) \(issue (\d+)\)$/.exec(title);
  if (match === null) throw new Error(`${title}: a todo must end with "(issue N)"`);
  return { title: match[1], issue: Number(match[2]), engines: kind };
}

function requireUnique(titles) {
  const twice = titles.find((title, i) => titles.indexOf(title) !== i);
  if (twice !== undefined) throw new Error(`${twice} stands twice`);
}

/** The table: system, what it consists of, state. */
export function tableOf(systems) {
  const rows = systems.map(
    ({ name, entries }) => `| **${cell(name)}** | ${cell(partsOf(entries))} | ${stateOf(entries)} |`,
  );
  return ["| system | parts (*later*) | state |", "|---|---|---|", ...rows].join("\n");
}

/** `nameInTheBrief: what holds` is a part by its name, any other title by itself; in italics what comes whole with an issue. */
function partsOf(entries) {
  const parts = Map.groupBy(entries, ({ title }) => /^(.*?): /.exec(title)?.[1] ?? title);
  return [...parts].map(([name, all]) => (isLater(all) ? `*${name}*` : name)).join(" · ");
}

function isLater(entries) {
  return entries.every(({ issue }) => issue !== null);
}

function stateOf(entries) {
  const issues = [...new Set(entries.flatMap(({ issue }) => issue ?? []))].toSorted((a, b) => a - b);
  if (issues.length === 0) return "works";
  const later = `with issue${issues.length > 1 ? "s" : ""} ${listed(issues)}`;
  return isLater(entries) ? later : `partly; rest ${later}`;
}

function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

function cell(text) {
  return text.replaceAll("|", "\\|");
}

/** docs/reference/features.md: the table, then every title. */
export function generate() {
  const systems = systemsOf(readFileSync(source, "utf8"));
  const count = (wanted) => systems.flatMap(({ entries }) => entries).filter(wanted).length;
  const sections = systems.map(({ name, entries }) => `## ${name}\n\n${entries.map(line).join("\n")}\n`);
  return `<!-- Made by tools/gen-feature-table.mjs from packages/sojourn/test/brief.test.ts. Do not edit. -->

# Features

Every line is a test, run on memory, sqlite and a real redis-server unless it says otherwise:
\`npx vitest run brief\`. ${count(({ issue }) => issue === null)} hold; ${count(({ issue }) => issue !== null)} come with a later issue, which they name.

${tableOf(systems)}

${sections.join("\n")}`;
}

const ENGINES = {
  onDurableEngines: " (sqlite, redis)",
  onRedis: " (redis)",
  onFailingRedis: " (redis, each client)",
  onTopologies: " (redis, each client)",
  onRestartingRedis: " (redis)",
};

function line({ title, issue, engines }) {
  return issue === null ? `- [x] ${title}${ENGINES[engines] ?? ""}` : `- [ ] ${title} (issue ${issue})`;
}

/** The README with the table of today between its two marks. @throws Error when it has not exactly one pair of them. */
export function readmeWith(readme) {
  const [before, inside, ...more] = readme.split(BEGIN);
  const [, after, ...rest] = (inside ?? "").split(END);
  if (after === undefined || more.length > 0 || rest.length > 0) {
    throw new Error(`README.md must have ${BEGIN} and ${END} once each, in this order`);
  }
  return `${before}${BEGIN}\n${tableOf(systemsOf(readFileSync(source, "utf8")))}\n${END}${after}`;
}
