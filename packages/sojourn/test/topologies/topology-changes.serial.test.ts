/** Resharding, a node more, restarts in turn, scripts that are gone: under load, nobody notices more than the contract says. */

import { expect, test } from "vitest";
import { CHANGED_TOPOLOGIES } from "../support/topology-changes.ts";

const SHORT = [
  ["Sentinel", "node-redis sentinel"],
  ["Cluster", "ioredis Cluster"],
] as const;

test.each(SHORT)(
  "%s, %s: no session is refused, and where servers move in an orderly way no call fails",
  {
    timeout: 90_000,
  },
  async (topology, kind) => {
    const results = await CHANGED_TOPOLOGIES[topology].changes(kind);
    for (const { change, calls, wrong, refused, accepted } of results) {
      expect({ change, wrong, refused, accepted }).toEqual({ change, wrong: [], refused: 0, accepted: 0 });
      expect(calls, change).toBeGreaterThan(50);
    }
  },
);
