/** Every cell of the design's table: what a genuine token means for its record. */

import { describe, expect, test } from "vitest";
import { encodeRecord, type RotationBlock } from "../data/record.ts";
import { SessionRecord } from "../data/session-record.ts";
import { standingOf, type TokenStanding } from "./rotation.ts";

const C = 7;
const NOW = 1_000_000;
const [CURRENT, OTHER, FOREIGN] = [1, 2, 3].map((byte) => Buffer.alloc(16, byte)) as [Buffer, Buffer, Buffer];

function record(rotation: RotationBlock | null, floor = 3): SessionRecord {
  return new SessionRecord(
    encodeRecord({
      header: {
        confirmed: false,
        locked: false,
        aal: 1,
        revision: 0,
        generation: C,
        floor,
        createdAt: 1,
        lastSeenAt: 1,
        absoluteExpiresAt: 2 * NOW,
        idleMs: NOW,
        authenticatedAt: 1,
        userEpoch: 0,
        tokenHash: CURRENT,
      },
      user: null,
      rotation,
      metadata: { policy: "normal" },
      fields: [],
    }),
  );
}

function block(state: RotationBlock["state"], graceUntil: number): RotationBlock {
  return { state, graceUntil, since: 1, otherHash: OTHER, wrap: Buffer.alloc(32), wrapKeyId: 0 };
}

const RECORDS = {
  "nothing pending": record(null),
  "pending, no grace running": record(block("pending", 0)),
  "pending, in the grace of the renewal before": record(block("pending", NOW)),
  "confirmed, in its grace": record(block("confirmed", NOW)),
  "confirmed, grace over": record(block("confirmed", NOW - 1)),
};
type Situation = keyof typeof RECORDS;

const TOKENS = {
  "c, hash fits": { generation: C, hash: CURRENT },
  "c, another hash": { generation: C, hash: FOREIGN },
  "c+1, the other's hash": { generation: C + 1, hash: OTHER },
  "c+1, another hash": { generation: C + 1, hash: FOREIGN },
  "c+2": { generation: C + 2, hash: FOREIGN },
  "c-1, the other's hash": { generation: C - 1, hash: OTHER },
  "c-1, another hash": { generation: C - 1, hash: FOREIGN },
  "older, at the floor": { generation: 3, hash: FOREIGN },
  "older, below the floor": { generation: 2, hash: FOREIGN },
};

const [none, pending, inGrace, confirmed, over] = Object.keys(RECORDS) as [
  Situation,
  Situation,
  Situation,
  Situation,
  Situation,
];
const same = (standing: TokenStanding): Record<Situation, TokenStanding> =>
  ({
    [none]: standing,
    [pending]: standing,
    [inGrace]: standing,
    [confirmed]: standing,
    [over]: standing,
  }) as Record<Situation, TokenStanding>;
const older = { ...same("reused"), [inGrace]: "superseded", [confirmed]: "superseded" };

const TABLE: Record<keyof typeof TOKENS, Record<Situation, TokenStanding>> = {
  "c, hash fits": same("current"),
  "c, another hash": same("unknown"),
  "c+1, the other's hash": { ...same("healable"), [pending]: "successor", [inGrace]: "successor" },
  "c+1, another hash": same("healable"),
  "c+2": same("unknown"),
  "c-1, the other's hash": { ...older, [confirmed]: "previous" },
  "c-1, another hash": older,
  "older, at the floor": older,
  "older, below the floor": same("superseded"),
};

describe.each(Object.keys(TABLE) as (keyof typeof TOKENS)[])("E4 E5 a token of generation %s", (token) => {
  test.each(Object.keys(RECORDS) as Situation[])("%s", (situation) => {
    const verified = { id: "", keyIndex: 0, copy: null, ...TOKENS[token] };
    expect(standingOf(RECORDS[situation], verified, NOW)).toBe(TABLE[token][situation]);
  });
});
