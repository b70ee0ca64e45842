import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { SecretPieces } from "./secret-pieces.ts";

// Known bytes: random ones beside a part that is one too short would make it whole once in a hundred runs.
const secret = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7 + 1));
const mac = randomBytes(16);
const token = `1${"A".repeat(24)}AAB${secret.toString("base64url")}${mac.toString("base64url")}`;
const pieces = new SecretPieces([token]);

test("a piece of a secret or MAC is found as text and as bytes, wherever it stands; id and generation are none", () => {
  const noise = (): Buffer => randomBytes(1000);
  const gap = Buffer.from("  ");
  const within = (part: Buffer | string) =>
    pieces.foundIn(Buffer.concat([noise(), gap, Buffer.from(part), gap, noise()]));
  expect(within(token.slice(28, 40))).toEqual([token.slice(28, 40)]);
  expect(within(token.slice(81))).toEqual([token.slice(81)]);
  expect(within(secret.subarray(23))).toEqual([secret.subarray(23).toString("latin1")]);
  expect(within(mac.subarray(3, 12))).toEqual([mac.subarray(3, 12).toString("latin1")]);
  expect(pieces.foundIn(`"${token}"`)).toHaveLength(32 + 11);
  expect(within(token.slice(0, 28))).toEqual([]);
  expect(within(token.slice(28, 39))).toEqual([]);
  expect(within(secret.subarray(0, 8))).toEqual([]);
  expect(pieces.size).toBe(32 + 11 + 24 + 8);
});
