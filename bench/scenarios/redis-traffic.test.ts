import { expect, test } from "vitest";
import { placeOf, summary } from "./redis-traffic.ts";

const commands = (...lines: string[]) => lines.map((line) => ({ words: line.split(" ") }));

test.each([
  [[], "none"],
  [["get k"], "GET"],
  [["GET k", "expire k 9", "GET l"], "2 GET + EXPIRE"],
  [["GET k", "EVALSHA abc 1 k"], "GET + script"],
])("commands %j are shown as %s", (lines, shown) => {
  expect(summary(commands(...lines))).toBe(shown);
});

test.each([
  [["GET sess:s3cret"], "as the key"],
  [["SET user:1 s3cret"], "in a value"],
  [["EVALSHA abc 1 key xs3cretx"], "in a value"],
  [["GET sess:other", "SET a b"], "no"],
])("a secret in %j is found: %s", (lines, place) => {
  expect(placeOf("s3cret", commands(...lines))).toBe(place);
});
