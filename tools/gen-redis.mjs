// The commands in docs/reference/redis.md: those that deploy/redis/users.acl allows, and who sends them. Fails when a script
// calls one that is not allowed, or one is allowed that nobody sends.
import { globSync, readFileSync } from "node:fs";
import { SCRIPTS } from "../packages/sojourn/src/stores/redis/scripts.generated.ts";

const root = new URL("../", import.meta.url);
const engine = "packages/sojourn/src/stores/redis";
/** What clients send by themselves: to connect, to listen, to follow a cluster. */
const CLIENTS = [
  "ASKING",
  "AUTH",
  "CLIENT|SETNAME",
  "CLUSTER|SLOTS",
  "HELLO",
  "PING",
  "SELECT",
  "SUBSCRIBE",
  "UNSUBSCRIBE",
];
const MARKS = ["<!-- commands:begin -->", "<!-- commands:end -->"];

export function pageWith(page) {
  const [before, , after] = page.split(new RegExp(`(?<=${MARKS[0]})([^]*)(?=${MARKS[1]})`));
  return `${before}\n${table()}\n${after}`;
}

function table() {
  const allowed = readFileSync(new URL("deploy/redis/users.acl", root), "utf8").match(/(?<=\+)\S+/g);
  const commands = allowed.map((name) => name.toUpperCase()).toSorted();
  const scripts = Object.values(SCRIPTS).flatMap(({ source }) => [...source.matchAll(/redis\.p?call\('([A-Z]+)'/g)]);
  const inScripts = new Set(scripts.map(([, name]) => name));
  const forbidden = [...inScripts].find((name) => !commands.includes(name));
  if (forbidden !== undefined)
    throw new Error(`deploy/redis/users.acl does not allow ${forbidden}, which a script calls`);
  const files = globSync(`${engine}/**/*.ts`, { cwd: root }).filter((file) => !/generated|\.test\./.test(file));
  const code = files.map((file) => readFileSync(new URL(file, root), "utf8")).join("\n");
  const senders = {
    "in scripts": (name) => inScripts.has(name),
    "the store itself": (name) => new RegExp(`"${name.replace("|", '",\\s*"')}"`).test(code),
    "the client": (name) => CLIENTS.includes(name),
  };
  const unused = commands.find((name) => Object.values(senders).every((sends) => !sends(name)));
  if (unused !== undefined) throw new Error(`deploy/redis/users.acl allows ${unused}, which nobody sends`);
  const rows = Object.entries(senders).map(
    ([who, sends]) => `| ${who} | ${commands.filter(sends).map(shown).join(" ")} |`,
  );
  return ["| sent by | commands |", "|---|---|", ...rows].join("\n");
}

function shown(name) {
  return `\`${name.replace("|", " ")}\``;
}
