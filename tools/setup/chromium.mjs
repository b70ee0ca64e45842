import { ensureAptProgram, onPath } from "./apt-program.mjs";
import { SetupError } from "./progress.mjs";

/** The browser tests use the installed Chromium. CHROMIUM may name another executable: Chrome, Edge, another build. */
export function ensureChromium({ env }) {
  if (!env.CHROMIUM) {
    ensureAptProgram({ program: "chromium", otherwise: " (or set CHROMIUM to the executable of Chromium or Chrome)" });
  } else if (!onPath(env.CHROMIUM)) {
    throw new SetupError(`CHROMIUM names ${JSON.stringify(env.CHROMIUM)}, but there is no such program.`);
  }
}
