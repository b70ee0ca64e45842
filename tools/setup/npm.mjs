import { spawnSync } from "node:child_process";

// What `npm run` was told about itself (`--prefix`, `--workspace`, `--omit` …) must not steer the npm started here;
// registry, proxy, cache and certificates must.
const about =
  /^npm_(?:package_|lifecycle_|command$|config_(?:local_prefix|prefix|global|location|workspaces?|include_workspace_root|omit|include|production|only|dry_run|package_lock|package_lock_only|save.*|loglevel)$)/i;

function npmEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !about.test(name)));
}

// The npm that started us, run by the Node it belongs to; else the one on PATH.
function npmProgram() {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.c?js$/.test(cli)) return { file: process.execPath, args: [cli], shell: false };
  return { file: "npm", args: [], shell: process.platform === "win32" };
}

/** Runs npm quietly. Answers `undefined`, or what npm said when it failed. */
export function npmFailure(args, cwd) {
  const npm = npmProgram();
  const result = spawnSync(npm.file, [...npm.args, ...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    env: npmEnvironment(),
    shell: npm.shell,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.error) return result.error.message;
  if (result.status === 0) return undefined;
  // The reason stands first; npm adds pages of usage.
  return `${result.stdout}${result.stderr}`.trim().split("\n").slice(0, 20).join("\n");
}
