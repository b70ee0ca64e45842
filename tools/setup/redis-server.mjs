import { ensureAptProgram } from "./apt-program.mjs";

/** The tests start servers of their own from the installed program; a running Redis is neither needed nor used. */
export function ensureRedisServer() {
  // RUNLEVEL=1: Debian's package starts a service on port 6379 when it is installed, but not in single-user mode.
  // (systemd does not listen to that; there the service runs, and the tests do not touch it.)
  ensureAptProgram({ program: "redis-server", env: { RUNLEVEL: "1" } });
}
