import { spawn } from "node:child_process";
import { constants } from "node:os";

const handedOn = ["SIGINT", "SIGTERM", "SIGHUP"];

// Ctrl-C and most supervisors signal the whole process group, so the child has usually heard already and is closing.
// A second signal would look like an impatient person; it is sent only to a child that seems not to have heard.
const HEARD_BY_ITSELF_MS = 1000;

// npm starts a script through a shell. Told to end, npm passes that to the shell only, which dies without a word to us.
const PARENT_CHECK_MS = 250;

/**
 * Runs a program on this terminal and waits for its end. Signals to this process do not end it before the child
 * had its time to close; they are handed on. `interrupted` is the signal that came, if one did.
 */
export function runChild(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit", ...options });
    let interrupted;
    const handOn = (signal) => {
      const first = interrupted === undefined;
      interrupted = signal;
      const atTerminal = signal === "SIGINT" && process.stdin.isTTY;
      if (first && !atTerminal) setTimeout(() => child.kill(signal), HEARD_BY_ITSELF_MS).unref();
    };
    for (const signal of handedOn) process.on(signal, handOn);
    const watch = whenNpmIsGone(() => handOn("SIGTERM"));
    const settle = (finish) => {
      for (const signal of handedOn) process.off(signal, handOn);
      clearInterval(watch);
      finish();
    };
    child.on("error", (error) => settle(() => reject(error)));
    child.on("exit", (code, signal) => settle(() => resolve({ code, signal, interrupted })));
  });
}

function whenNpmIsGone(act) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    act();
  }, PARENT_CHECK_MS);
  return watch.unref();
}

/** The exit code a shell would show: a child ended by a signal counts as 128 plus its number. */
export function exitCodeOf({ code, signal }) {
  return code === null ? 128 + constants.signals[signal] : code;
}
