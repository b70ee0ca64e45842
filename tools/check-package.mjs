// What users would install: packs the library, examines the file, installs it in an empty folder and runs the README's
// twenty lines there. Needs the npm registry (for express). Exit code 1 at any fault; all are printed.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusedIn, usersMayInstall, weMayDevelopWith } from "./package/licences.mjs";
import { runTwentyLines } from "./package/readme-app.mjs";
import {
  faultsOf,
  gzippedByKind,
  MAX_PACKED_BYTES,
  packedForApplication,
  packedForServers,
  unknownSubpaths,
} from "./package/tarball.mjs";
import { npmFailure } from "./setup/npm.mjs";
import { root, tools } from "./tool-paths.mjs";

// Node 22, the oldest that the package names, knows all of these.
const TARGET = "es2023";
// Faults in declarations count, which our own builds skip: a name left out as internal that another file needs.
const STRICTLY = "--ignoreConfig --noEmit --skipLibCheck false --strict --module nodenext --types node".split(" ");
const library = join(root, "packages", "sojourn");
const publint = join(root, "node_modules", "publint", "src", "cli.js");
const attw = join(root, "node_modules", "@arethetypeswrong", "cli", "dist", "index.js");

async function check(folder) {
  const tarballs = join(folder, "packed");
  mkdirSync(tarballs);
  npm(["pack", "--workspace", "sojourn", "--pack-destination", tarballs], root);
  const [tarballName] = readdirSync(tarballs);
  const tarball = join(tarballs, tarballName);

  const site = join(folder, "site");
  mkdirSync(site);
  writeFileSync(join(site, "package.json"), '{ "name": "site", "private": true }\n');
  npm(["install", "--ignore-scripts", "--prefer-offline", tarball, "express"], site);
  const installed = join(site, "node_modules", "sojourn");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const readme = readFileSync(join(root, "README.md"), "utf8");

  const { size } = statSync(tarball);
  const forServers = packedForServers(installed);
  console.log(`${tarballName}: ${size} bytes (gzipped apart: ${gzippedByKind(installed)})`);
  console.log(
    `without testing: ${forServers} of ${MAX_PACKED_BYTES} bytes; loaded by an application: ${packedForApplication(installed)}`,
  );
  return [
    ...faultsOf(installed, size, forServers),
    ...unknownSubpaths(`${readme}\n${documentation()}`, manifest).map(
      (name) => `the documentation names ${name}, which is not exported`,
    ),
    ...faultOfTool("publint", [publint, "run", tarball, "--strict"]),
    ...faultOfTool("are the types wrong", [attw, tarball, "--profile", "esm-only", "--no-emoji"]),
    ...faultsOfDeclarations(manifest),
    ...faultOfTarget(),
    ...faultOfTool("importing every subpath", ["--input-type=module", "-e", importsOfAll(manifest)], site),
    ...refusedIn(site, usersMayInstall).map((line) => `for users: ${line}`),
    ...refusedIn(root, weMayDevelopWith).map((line) => `for development: ${line}`),
    ...(await faultOfTwentyLines(readme, site)),
  ];
}

function npm(args, cwd) {
  const failure = npmFailure(args, cwd);
  if (failure !== undefined) throw new Error(`npm ${args.join(" ")} failed:\n${failure}`);
}

function documentation() {
  const docs = join(root, "docs");
  const pages = readdirSync(docs, { recursive: true }).filter(
    (path) => path.endsWith(".md") && !path.startsWith("decisions"),
  );
  return pages.map((path) => readFileSync(join(docs, path), "utf8")).join("\n");
}

function faultOfTool(name, args, cwd = root) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  return status === 0 ? [] : [`${name}:\n${stdout}${stderr}`];
}

// Not those of what it is used with: @types/koa has one beside another version of a package that it names.
function faultsOfDeclarations(manifest) {
  const args = [tools.tsc, ...STRICTLY, "--pretty", "false", ...declarationsOf(manifest)];
  const { stdout } = spawnSync(process.execPath, args, { cwd: library, encoding: "utf8" });
  const lines = stdout.split("\n").filter((line) => /\berror TS\d+:/.test(line));
  const ours = lines.filter((line) => !line.includes("node_modules/"));
  return ours.length === 0 ? [] : [`its declarations:\n${ours.join("\n")}`];
}

function declarationsOf({ exports }) {
  const entries = Object.values(exports).filter(({ types }) => types !== undefined);
  return entries.map(({ types }) => join(library, types));
}

function faultOfTarget() {
  const args = [tools.tsc, "--showConfig", "-p", join(library, "tsconfig.build.json")];
  const { stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  const { target } = JSON.parse(stdout).compilerOptions;
  return target.toLowerCase() === TARGET ? [] : [`compiled for ${target} instead of ${TARGET}`];
}

function importsOfAll({ name, exports }) {
  const modules = Object.keys(exports).filter((path) => !path.endsWith(".json"));
  return modules.map((path) => `await import(${JSON.stringify(name + path.slice(1))});`).join("\n");
}

async function faultOfTwentyLines(readme, site) {
  try {
    await runTwentyLines(readme, site);
    return [];
  } catch (error) {
    return [`the README's twenty lines: ${error.stack}`];
  }
}

const folder = mkdtempSync(join(tmpdir(), "sojourn-package-"));
try {
  const faults = await check(folder);
  for (const fault of faults) console.error(fault);
  console.log(`package: ${faults.length} faults`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
