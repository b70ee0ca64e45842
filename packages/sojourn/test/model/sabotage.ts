/** What happens without one of the things that hold the promises: each must make the model find a violation. */

import type { Rewrite } from "./engines/redis-seam.ts";

export const SABOTAGES = {
  /** Patches are not refused when they were made for an older revision. */
  revision: without("if expected ~= '' and revision ~= tonumber(expected) then return {'conflict', record} end"),
  /** `revokeUser` ends what began after it, too. */
  epoch: without("u48(head, 44) < epoch", "true"),
  /** Nothing tells `create` that its id was ended. */
  tombstone: without("if tombstone then return {'gone', now, tombstone} end"),
  /** Writes are executed however late they come. */
  fence: without(/if (?:epoch == 0 and )?now > not_after then return \{'late'(?:, now)?\} end/),
} as const satisfies Record<string, Sabotage>;

export type SabotageName = keyof typeof SABOTAGES;

export interface Sabotage {
  readonly rewrite: Rewrite;
  /** The scripts that it changed so far. */
  readonly changed: ReadonlySet<string>;
}

function without(code: string | RegExp, instead = ""): Sabotage {
  const changed = new Set<string>();
  return {
    changed,
    rewrite(source, name) {
      const rewritten = source.replace(code, instead);
      if (rewritten !== source) changed.add(name);
      return rewritten;
    },
  };
}
