// Which room of the library may import which (docs: CONTRIBUTING.md, "Where things are"). Prints every violation with its
// file and line; exit code 1 if there is one. Tests are free to import what they test.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./tool-paths.mjs";

const library = "packages/sojourn/src";

/** What everybody may import: it imports nothing but each other. */
const GROUND = ["errors", "clock", "duration", "options", "register"];

/** Room → what it may import besides itself and the ground. A name with a slash is one file of a room. */
const MAY_IMPORT = {
  errors: [],
  clock: [],
  duration: ["errors"],
  options: [],
  register: [],
  data: ["security"],
  security: ["data"],
  store: ["data", "security"],
  stores: ["store", "data", "security/keyring"],
  lifecycle: ["store", "data", "security"],
  analytics: ["lifecycle", "store", "data", "security"],
  metrics: ["lifecycle", "store", "data", "security"],
  adapters: ["lifecycle", "security"],
  patterns: ["lifecycle", "data"],
  testing: ["store", "data", "security", "lifecycle", "create-sessions", "open", "adopt"],
  index: ["create-sessions", "lifecycle", "store", "data", "security", "analytics", "metrics"],
  // The composition roots: nobody else may import a concrete store.
  "create-sessions": ["stores", "lifecycle", "store", "data", "security", "analytics", "metrics"],
  open: ["stores", "store"],
  adopt: ["stores", "lifecycle", "security"],
};

/** Imports of types only that break the table, each with its reason. One that nobody uses any more is a violation too. */
const TYPE_EXCEPTIONS = [
  ["lifecycle/sessions", "analytics/activity", "sessions.activity, which create-sessions puts in"],
  ["lifecycle/sessions", "metrics/session-metrics", "sessions.metrics, which create-sessions puts in"],
  ["metrics/instruments", "analytics/stats", "some instruments read what sessions.stats() answers"],
  ["metrics/session-metrics", "analytics/stats", "the same, handed through"],
  ["lifecycle/sessions", "analytics/stats", "the answer of sessions.stats(), which create-sessions puts in"],
  ["adapters/exchange", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/exchange-rules", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/request-client", "data/metadata", "Device, which the middleware fills in from the request"],
  ["adapters/express", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/fastify", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/fetch", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/koa", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/hono", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/node", "data/draft", "the type parameter of Sessions<Data>"],
  ["adapters/ws", "data/draft", "the type parameter of Sessions<Data>"],
  ["testing/adapter-contract/site", "adapters/exchange-rules", "the options that a case asks an adapter for"],
  ["testing/adapter-contract/site", "adapters/request-session", "what a route of the adapter contract is given"],
  ["testing/adapter-contract/routes", "adapters/request-session", "what a route of the adapter contract is given"],
  ["adapters/request-session", "data/draft", "the type parameter of Sessions<Data>"],
];

/** Every `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`, as the formatter writes them. */
const IMPORT =
  /^(?:import|export)\b(?<clause>[^"';]*?)\bfrom "(?<from>[^"]+)"|^import "(?<bare>[^"]+)"|\bimport\("(?<called>[^"]+)"\)/gm;

/** @param {{ path: string, text: string }[]} files of the library, paths relative to it */
export function violationsIn(files, manifest, exceptions = TYPE_EXCEPTIONS) {
  const imports = files.flatMap(({ path, text }) => importsOf(path, text));
  const used = new Set();
  const found = imports.flatMap((entry) => {
    const reason = entry.to === undefined ? packageViolation(entry, manifest) : roomViolation(entry, exceptions, used);
    return reason === undefined ? [] : [`${entry.path}:${entry.line}: ${reason}`];
  });
  const stale = exceptions.filter((exception) => !used.has(exception));
  return [
    ...found,
    ...stale.map(([from, to]) => `tools/check-boundaries.mjs: the exception ${from} → ${to} is not used any more`),
    ...cycles(imports),
  ];
}

export function importsOf(path, text) {
  return [...text.matchAll(IMPORT)].map((match) => {
    const { clause, from, bare, called } = match.groups;
    const specifier = from ?? bare ?? called;
    return {
      path,
      specifier,
      to: specifier.startsWith(".") ? join(dirname(path), specifier).replaceAll(sep, "/") : undefined,
      line: text.slice(0, match.index).split("\n").length,
      typeOnly: clause !== undefined && isTypeOnly(clause),
      dynamic: called !== undefined,
    };
  });
}

// `import type { A }`, `export type { A }`, or a list in which every name has its own `type`.
function isTypeOnly(clause) {
  if (/^\s*type\b/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/
    .exec(clause)?.[1]
    .split(",")
    .filter((name) => name.trim() !== "");
  return names !== undefined && names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}

// Nothing is installed with the library: a peer's types may be used, its code only loaded by whoever asks for it.
function packageViolation({ specifier, typeOnly, dynamic }, { peerDependencies = {} }) {
  if (specifier.startsWith("node:")) return undefined;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (!Object.hasOwn(peerDependencies, name)) return `imports ${name}, which is not a peer dependency`;
  return typeOnly || dynamic ? undefined : `imports the peer ${name} at load; only its types, or by import()`;
}

function roomViolation({ path, to, typeOnly }, exceptions, used) {
  if (to.startsWith("../")) return `imports ${to}, which is outside ${library}`;
  const [from, target] = [moduleOf(path), moduleOf(to)];
  const [room, other] = [roomOf(from), roomOf(target)];
  if (room === "stores" && other === "stores") {
    const [engine, another] = [from, target].map((name) => name.split("/")[1]);
    return engine === another ? undefined : `engine ${engine} imports engine ${another}`;
  }
  if (room === other || (GROUND.includes(other) && !GROUND.includes(room))) return undefined;
  const allowed = MAY_IMPORT[room];
  if (allowed === undefined) return `${room} is no room that tools/check-boundaries.mjs knows`;
  if (allowed.includes(other) || allowed.includes(target)) return undefined;
  const exception = exceptions.find(([source, wanted]) => typeOnly && source === from && wanted === target);
  if (exception === undefined) return `${room} may not import ${target}${typeOnly ? " (types only)" : ""}`;
  used.add(exception);
  return undefined;
}

const moduleOf = (path) => path.replace(/\.ts$/, "");
const roomOf = (module) => module.split("/")[0];

/** Each cycle of files once. Imports of types vanish, but a cycle of types is one all the same: who reads goes round. */
function cycles(imports) {
  const next = Map.groupBy(
    imports.filter(({ to }) => to !== undefined),
    ({ path }) => path,
  );
  const state = new Map();
  const found = [];
  const visit = (path, trail) => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`);
      return;
    }
    state.set(path, "open");
    for (const { to } of next.get(path) ?? []) visit(to, [...trail, path]);
    state.set(path, "done");
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}

function sourcesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.split(sep).some((part) => part === "node_modules" || part === "dist"))
    .toSorted();
}

// Whoever uses the library does so as its users do: through what package.json exports.
function deepImports() {
  const users = readdirSync(join(root, "packages")).filter((name) => name !== "sojourn");
  const folders = [...users.map((name) => `packages/${name}/src`), "examples"].map((name) => join(root, name));
  return folders.flatMap((folder) =>
    sourcesIn(folder).flatMap((file) => {
      const path = relative(root, file).replaceAll(sep, "/");
      return importsOf(path, readFileSync(file, "utf8"))
        .filter(({ specifier, to }) => to?.startsWith("packages/sojourn/") || specifier.startsWith("sojourn/dist"))
        .map(({ line, specifier }) => `${path}:${line}: imports ${specifier} instead of a public subpath of sojourn`);
    }),
  );
}

function main() {
  const folder = join(root, library);
  const files = sourcesIn(folder).map((file) => ({
    path: relative(folder, file).replaceAll(sep, "/"),
    text: readFileSync(file, "utf8"),
  }));
  const manifest = JSON.parse(readFileSync(join(root, "packages", "sojourn", "package.json"), "utf8"));
  const found = [
    ...violationsIn(files, manifest).map((line) => (/^[\w/.-]+\.ts:/.test(line) ? `${library}/${line}` : line)),
    ...deepImports(),
  ];
  for (const line of found) console.error(line);
  console.log(`boundaries: ${files.length} files, ${found.length} violations`);
  process.exitCode = found.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(resolve(process.argv[1] ?? "")).href) main();
