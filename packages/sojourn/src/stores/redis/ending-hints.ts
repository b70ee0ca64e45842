/** Endings as other processes publish them; while it cannot be believed that all of them are heard, any may have happened. */

import type { Clock } from "../../clock.ts";
import { EndingHints } from "../../store/ending-hints.ts";
import type { ChangeChannel } from "./change-channel.ts";

const TICK_MS = 500;

export function endingHints(changes: ChangeChannel, clock: Clock): EndingHints {
  const hints: EndingHints = new EndingHints(() => {
    const stopHearing = changes.listen({
      ended: (id) => hints.tell(id),
      noted: (id) => hints.tell(id),
      gap: () => hints.tell(null),
    });
    changes.tick(clock.monotonic());
    const timer = setInterval(() => {
      if (!changes.isBelieved(clock.monotonic())) hints.tell(null);
    }, TICK_MS).unref();
    return () => {
      stopHearing();
      clearInterval(timer);
    };
  });
  return hints;
}
