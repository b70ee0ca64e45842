import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, posix, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { filesReached } from "./reachable.mjs";

/** All but the suites of `sojourn/testing`, packed: a bound for what is there now (docs/decisions/0022-what-an-application-loads.md). */
export const MAX_PACKED_BYTES = 195_000;
const MAX_TARBALL_BYTES = 230_000;
/** What most applications load. */
const APPLICATION = [".", "./redis", "./express"];
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
const DEPENDENCIES = ["dependencies", "optionalDependencies", "bundleDependencies", "bundledDependencies"];

/** The size of an unpacked package, packed again without `sojourn/testing`. */
export function packedForServers(folder) {
  // In the order of their names: that of a folder is the file system's, and the size is another with each.
  const files = filesIn(folder).filter((path) => !path.startsWith("dist/testing/"));
  const args = ["-cf", "-", "-C", folder, ...files.toSorted()];
  const { stdout, status } = spawnSync("tar", args, { maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error("tar could not pack the package again");
  return gzipSync(stdout, { level: 9 }).length;
}

/** The JavaScript that an application of Express on Redis loads, packed. */
export function packedForApplication(folder) {
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const files = filesReached(APPLICATION.map((name) => join(folder, exports[name].default)));
  return gzipSync(Buffer.concat([...files].map((file) => readFileSync(file))), { level: 9 }).length;
}

/** What is wrong with a package that lies unpacked in a folder and was so many bytes packed. */
export function faultsOf(folder, tarballBytes, packedBytes = packedForServers(folder)) {
  const paths = filesIn(folder);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return [
    ...tooLarge("packed size without testing", packedBytes, MAX_PACKED_BYTES),
    ...tooLarge("packed size", tarballBytes, MAX_TARBALL_BYTES),
    ...["README.md", "LICENSE"].filter((name) => !paths.includes(name)).map((name) => `${name} is missing`),
    ...(manifest.license === "MIT" ? [] : [`licence field is ${manifest.license}`]),
    ...DEPENDENCIES.filter((field) => Object.keys(manifest[field] ?? {}).length > 0).map((field) => `has ${field}`),
    ...INSTALL_SCRIPTS.filter((name) => manifest.scripts?.[name] !== undefined).map((name) => `has a script ${name}`),
    ...requiredPeers(manifest).map((name) => `peer ${name} is not optional`),
    ...paths
      .filter((path) => /\.test\.|\.test-d\.|^test\/|^src\/|\.tsbuildinfo$/.test(path))
      .map((path) => `contains ${path}`),
    ...paths.filter((path) => path.endsWith(".map")).flatMap((path) => lostSources(path, paths, folder)),
    ...Object.entries(manifest.exports).flatMap(([name, target]) => lostTargets(name, target, paths)),
  ];
}

function tooLarge(what, bytes, most) {
  return bytes > most ? [`${what} ${bytes} of ${most} bytes`] : [];
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
}

/** Where the bytes are, as in `.js 71000, .ts 40000, .md 4000`: the files of each ending, gzipped together. */
export function gzippedByKind(folder) {
  const kinds = Map.groupBy(filesIn(folder), extname);
  const sizes = [...kinds].map(([kind, paths]) => {
    const bytes = Buffer.concat(paths.map((path) => readFileSync(join(folder, path))));
    return { kind: kind === "" ? "other" : kind, size: gzipSync(bytes).length };
  });
  return sizes
    .toSorted((a, b) => b.size - a.size)
    .map(({ kind, size }) => `${kind} ${size}`)
    .join(", ");
}

function requiredPeers({ peerDependencies = {}, peerDependenciesMeta = {} }) {
  return Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
}

function lostSources(path, paths, folder) {
  const { sources, sourcesContent = [] } = JSON.parse(readFileSync(join(folder, path), "utf8"));
  return sources
    .filter(
      (source, i) => typeof sourcesContent[i] !== "string" && !paths.includes(posix.join(posix.dirname(path), source)),
    )
    .map((source) => `${path} points to ${source}, which is not in the package`);
}

function lostTargets(name, target, paths) {
  const files = typeof target === "string" ? [target] : Object.values(target);
  return files
    .filter((file) => !paths.includes(posix.normalize(file)))
    .map((file) => `${name} exports ${file}: no such file`);
}

/** `sojourn/…` specifiers in a text that the package does not export. */
export function unknownSubpaths(text, manifest) {
  const specifiers = [...text.matchAll(/(?:from|import\(?)\s*"sojourn(\/[^"]+)?"/g)].map(
    (match) => `.${match[1] ?? ""}`,
  );
  return [...new Set(specifiers)].filter((name) => !Object.hasOwn(manifest.exports, name));
}
