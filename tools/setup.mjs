// Makes a fresh clone ready for what was asked, then does it.
// Node built-ins only, and it must run on Node 18: this file runs before anything is installed.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./setup/build-output.mjs";
import { exitCodeOf, runChild } from "./setup/child.mjs";
import { ensureChromium } from "./setup/chromium.mjs";
import { ensureNginx } from "./setup/nginx.mjs";
import { ensureNode } from "./setup/node-version.mjs";
import { ensurePackages } from "./setup/packages.mjs";
import { SetupError } from "./setup/progress.mjs";
import { ensurePrometheus } from "./setup/prometheus.mjs";
import { ensureRedisServer } from "./setup/redis-server.mjs";

const usage = "Usage: node tools/setup.mjs demo | test | run <script> [arguments…]";

const supportedNode = { accepts: (major, minor) => (major === 22 && minor >= 13) || major === 24 || major >= 26 };
// Tests and tools read the TypeScript sources as they are.
const testedNode = { accepts: (major) => major >= 26 };

// Scripts that must work on sources that do not compile, or that build by themselves.
const needNoBuild = [
  "adopt",
  "build",
  "check-quick",
  "commands",
  "faults",
  "format",
  "gen-all",
  "move",
  "proof",
  "proof-logout",
  "restart",
  "runbooks",
  "simulate",
  "sqlite-load",
  "test-failover",
  "test-topologies",
];
const needChromium = ["test-next"];
const needNginx = ["adopt"];
const needRedis = [
  "adopt",
  "bench",
  "commands",
  "faults",
  "move",
  "proof",
  "proof-logout",
  "restart",
  "runbooks",
  "test-failover",
  "test-topologies",
];

/** What a command needs, in order (each does nothing when it is there already), and the file it starts. */
const commands = {
  demo: () => ({
    needs: [ensureNode(supportedNode), ensurePackages, ensureBuilt],
    file: "examples/shop/dist/main.js",
  }),
  // tools/test.mjs builds too: there a build that fails is a failed test, not the end of the run.
  test: () => ({
    needs: [ensureNode(testedNode), ensurePackages, ensureRedisServer, ensureChromium, ensurePrometheus, ensureNginx],
    file: "tools/test.mjs",
  }),
  run: (args) => {
    const script = (args.shift() || "").replace(/:/g, "-");
    if (!/^[a-z][a-z0-9-]*$/.test(script)) throw new SetupError(usage);
    const build = needNoBuild.includes(script) ? [] : [ensureBuilt];
    const redis = needRedis.includes(script) ? [ensureRedisServer] : [];
    const chromium = needChromium.includes(script) ? [ensureChromium] : [];
    const nginx = needNginx.includes(script) ? [ensureNginx] : [];
    return {
      needs: [ensureNode(testedNode), ensurePackages, ...redis, ...nginx, ...chromium, ...build],
      file: `tools/${script}.mjs`,
    };
  },
};

async function main([name, ...args]) {
  if (!Object.keys(commands).includes(name)) throw new SetupError(usage);
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const command = commands[name](args);
  const machine = { root, node: process.execPath, env: { ...process.env } };
  for (const ensure of command.needs) ensure(machine);
  const file = join(root, command.file);
  if (!existsSync(file)) throw new SetupError(`${command.file} does not exist.`);
  return exitCodeOf(await runChild(machine.node, [file, ...args], { cwd: root, env: machine.env }));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
