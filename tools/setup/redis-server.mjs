import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SetupError, progress } from "./progress.mjs";

const installCommand = "apt-get update && apt-get install -y --no-install-recommends redis-server";

/** The tests start servers of their own from the installed program; a running Redis is neither needed nor used. */
export function ensureRedisServer() {
  if (onPath("redis-server")) return;
  const isRoot = process.getuid !== undefined && process.getuid() === 0;
  if (!isRoot || !onPath("apt-get")) {
    throw new SetupError(
      `The tests need the program redis-server. Install it, then start again; on Debian and Ubuntu:\n  sudo sh -c "${installCommand}"`,
    );
  }
  process.stderr.write(`${installCommand}\n`);
  const done = progress("redis", "installing redis-server");
  // RUNLEVEL=1: Debian's package starts a service on port 6379 when it is installed, but not in single-user mode.
  // (systemd does not listen to that; there the service runs, and the tests do not touch it.)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", installCommand], { env, encoding: "utf8" });
  if (status !== 0 || !onPath("redis-server")) {
    done();
    throw new SetupError(
      `${stdout}${stderr}\nInstalling redis-server failed: see above, install it by hand, then start again.`,
    );
  }
  done("redis-server installed");
}

function onPath(program) {
  const names = process.platform === "win32" ? [`${program}.exe`, `${program}.cmd`] : [program];
  const folders = (process.env.PATH || "").split(delimiter).filter(Boolean);
  return folders.some((folder) => names.some((name) => existsSync(join(folder, name))));
}
