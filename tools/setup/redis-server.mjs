import { ensureAptProgram } from "./apt-program.mjs";

/** The tests start servers of their own from the installed program; a running Redis is neither needed nor used. */
export function ensureRedisServer() {
  ensureAptProgram({ program: "redis-server", service: "redis-server" });
}
