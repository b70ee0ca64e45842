import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { npmFailure } from "./npm.mjs";
import { SetupError, progress } from "./progress.mjs";

const FETCHED_MAJOR = 26;
const windows = process.platform === "win32";
const packageName = `node-${windows ? "win" : process.platform}-${process.arch}`;

/** Uses the Node that runs this when it is accepted, else one from the npm registry, kept in `.tools/`. */
export function ensureNode({ accepts }) {
  return (machine) => {
    const [major, minor] = process.versions.node.split(".").map(Number);
    if (!accepts(major, minor)) machine.node = fetchedNode(join(machine.root, ".tools", "node"));
    putFirstOnPath(machine.env, dirname(machine.node));
  };
}

function fetchedNode(folder) {
  const file = join(folder, "node_modules", packageName, "bin", windows ? "node.exe" : "node");
  if (versionOf(file)) return file;
  const wanted = `${packageName}@${FETCHED_MAJOR}`;
  const done = progress("node", `fetching ${wanted}, because this is ${process.versions.node}`);
  mkdirSync(folder, { recursive: true });
  // `--prefix .`: without it npm would climb to the repository's own package.json.
  const failure = npmFailure(["install", "--prefix", ".", "--no-save", "--ignore-scripts", wanted], folder);
  const version = versionOf(file);
  if (failure === undefined && version) {
    done(`${version} fetched`);
    return file;
  }
  done();
  throw new SetupError(
    `${failure || `${wanted} does not run on this system.`}\n\n` +
      `This needs Node ${FETCHED_MAJOR}, this is ${process.versions.node}, and ${wanted} could not be fetched from the npm registry: ` +
      `install Node ${FETCHED_MAJOR} from https://nodejs.org and start again.`,
  );
}

function versionOf(file) {
  const { status, stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.trim().slice(1) : undefined;
}

function putFirstOnPath(env, folder) {
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") || "PATH";
  env[name] = env[name] ? folder + delimiter + env[name] : folder;
}
