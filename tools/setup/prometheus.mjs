import { ensureAptProgram } from "./apt-program.mjs";

/** The tests start a Prometheus of their own, and check what is in `deploy/` with promtool, which comes with it. */
export function ensurePrometheus() {
  ensureAptProgram({ program: "prometheus", service: "prometheus" });
}
