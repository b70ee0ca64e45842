/** What other processes do with the file is not told; that they did something is, to whoever asks. */

import { EndingHints } from "../../store/ending-hints.ts";

const LOOK_MS = 500;

/** @param version another value after another connection has written; undefined while the file is not open, or throws */
export function endingHints(version: () => unknown): EndingHints {
  const hints: EndingHints = new EndingHints(() => {
    let seen: unknown;
    const timer = setInterval(() => {
      const now = undefinedWhenThrown(version);
      if (now === undefined || now === seen) return;
      seen = now;
      hints.tell(null);
    }, LOOK_MS).unref();
    return () => clearInterval(timer);
  });
  return hints;
}

/** A file that cannot be read, or was closed: a timer has nobody to tell, and reads say it. */
function undefinedWhenThrown(version: () => unknown): unknown {
  try {
    return version();
  } catch {
    return undefined;
  }
}
