import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SetupError, progress } from "./progress.mjs";

/**
 * Installs a program through apt when it is missing and this is root on Debian or Ubuntu; otherwise says what to type.
 * `program` is both the command and Debian's package. `otherwise` names another way, `service` what the package would
 * start when it is installed, which the tests do not need: it is not left running.
 */
export function ensureAptProgram({ program, otherwise = "", service }) {
  if (onPath(program)) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${program}`;
  const isRoot = process.getuid !== undefined && process.getuid() === 0;
  if (!isRoot || !onPath("apt-get")) {
    throw new SetupError(
      `The tests need the program ${program}. Install it${otherwise}, then start again; on Debian and Ubuntu:\n  sudo sh -c "${command}"`,
    );
  }
  process.stderr.write(`${command}\n`);
  const done = progress("apt", `installing ${program}`);
  const { status, stdout, stderr } = spawnSync("sh", ["-c", `${command}${service ? ` && ${stopping(service)}` : ""}`], {
    // RUNLEVEL=1: in single-user mode packages start no service.
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", ...(service && { RUNLEVEL: "1" }) },
    encoding: "utf8",
  });
  if (status !== 0 || !onPath(program)) {
    done();
    throw new SetupError(
      `${stdout}${stderr}\nInstalling ${program} failed: see above, install it by hand${otherwise}, then start again.`,
    );
  }
  done(`${program} installed`);
}

// systemd does not listen to RUNLEVEL.
function stopping(service) {
  return `if [ -d /run/systemd/system ]; then systemctl disable --now ${service}; fi`;
}

/** Whether the command can be started, looked up as a shell would; a path is taken as it is. */
export function onPath(program) {
  if (/[/\\]/.test(program)) return existsSync(program);
  const names = process.platform === "win32" ? [`${program}.exe`, `${program}.cmd`] : [program];
  const folders = (process.env.PATH || "").split(delimiter).filter(Boolean);
  return folders.some((folder) => names.some((name) => existsSync(join(folder, name))));
}
