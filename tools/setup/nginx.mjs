import { ensureAptProgram } from "./apt-program.mjs";

/** A test rolls over from one application to another as operators do, behind a real nginx. */
export function ensureNginx() {
  ensureAptProgram({ program: "nginx", service: "nginx" });
}
