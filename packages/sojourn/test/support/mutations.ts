/** Ways to change a genuine token so little that something lenient would still take it. */

import type { Random } from "./random.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Ends of the segments whose last character has bits that decoding drops: id, secret, MAC (see security/token.ts). */
const LAST_OF_SEGMENT = [24, 70, 92] as const;
const SEGMENTS = [0, 1, 25, 28, 71, 93] as const;

export interface Mutation {
  readonly name: string;
  /** What to present; `other` is a second genuine token. May come out equal to `token` by chance. */
  make(token: string, other: string, random: Random): unknown;
}

export const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  {
    name: "one bit flipped",
    make: (token, _, random) => withCode(token, random, (code) => code ^ (1 << random.whole(0, 7))),
  },
  { name: "a bit of a wide character", make: (token, _, random) => withCode(token, random, (code) => code | 0x100) },
  { name: "another letter case", make: swapCase },
  { name: "cut short", make: (token, _, random) => token.slice(0, random.whole(0, token.length - 1)) },
  { name: "its end alone", make: (token, _, random) => token.slice(random.whole(1, token.length)) },
  { name: "characters appended", make: (token, _, random) => token + text(random, random.whole(1, 40)) },
  { name: "characters in front", make: (token, _, random) => text(random, random.whole(1, 40)) + token },
  { name: "one character left out", make: (token, _, random) => splice(token, random.whole(0, 92), 1, "") },
  { name: "one character doubled", make: (token, _, random) => doubled(token, random.whole(0, 92)) },
  { name: "two characters swapped", make: swapped },
  {
    name: "one character of the alphabet replaced",
    make: (token, _, random) => splice(token, random.whole(0, 92), 1, text(random, 1)),
  },
  { name: "another spelling that decodes alike", make: alias },
  {
    name: "the alphabet of plain base64",
    make: (token) => token.replaceAll("-", "+").replaceAll("_", "/").replace(/[A-Z]/, "+"),
  },
  {
    name: "padding",
    make: (token, _, random) => splice(token, random.pick([25, 28, 71, 93]), 0, random.pick(["=", "=="])),
  },
  {
    name: "white space",
    make: (token, _, random) =>
      splice(token, random.whole(0, 93), 0, random.pick([" ", "\t", "\n", "\r\n", "\0", "\u00a0", "\ufeff"])),
  },
  {
    name: "quoted",
    make: (token, _, random) => random.pick([`"${token}"`, `'${token}'`, `${token};`, `${token},${token}`]),
  },
  { name: "percent-encoded", make: (token, _, random) => percent(token, random.whole(0, 92)) },
  {
    name: "a character that looks alike",
    make: (token, _, random) => withCode(token, random, (code) => code + 0xfee0),
  },
  { name: "a combining character", make: (token, _, random) => splice(token, random.whole(1, 93), 0, "\u0301") },
  { name: "half a surrogate pair", make: (token, _, random) => splice(token, random.whole(0, 92), 1, "\ud83d") },
  { name: "a segment of another token", make: mixed },
  { name: "another version", make: (token, _, random) => random.pick(["0", "2", "A", "", "11"]) + token.slice(1) },
  { name: "a newer generation", make: (token, _, random) => splice(token, 25, 3, text(random, 3)) },
  { name: "random characters of the right length", make: (_, __, random) => `1${text(random, 92)}` },
  { name: "a very long text", make: (token, _, random) => token.repeat(random.whole(2, 200)) },
  { name: "no string", make: (token, _, random) => random.pick(NO_STRINGS)(token) },
];

const NO_STRINGS: readonly [(token: string) => unknown, ...((token: string) => unknown)[]] = [
  () => undefined,
  () => null,
  () => true,
  () => Number.NaN,
  () => 2n ** 64n,
  () => Symbol("token"),
  () => ({}),
  (token) => [token],
  (token) => new String(token),
  (token) => Buffer.from(token),
  (token) => ({ toString: () => token, valueOf: () => token, length: token.length }),
  (token) => Object.assign(Object.create(null) as object, { token, length: 93 }),
  (token) => () => token,
  () =>
    new Proxy(
      {},
      {
        get: () => {
          throw new Error("looked into");
        },
      },
    ), // prettier-ignore
];

function text(random: Random, length: number): string {
  return Array.from({ length }, () => ALPHABET[random.whole(0, 63)]).join("");
}

function splice(token: string, at: number, length: number, instead: string): string {
  return token.slice(0, at) + instead + token.slice(at + length);
}

function withCode(token: string, random: Random, change: (code: number) => number): string {
  const at = random.whole(0, token.length - 1);
  return splice(token, at, 1, String.fromCharCode(change(token.charCodeAt(at))));
}

function swapCase(token: string, _: string, random: Random): string {
  const start = random.whole(0, 92);
  const at = start + Math.max(0, token.slice(start).search(/[A-Za-z]/));
  const letter = token.charAt(at);
  return splice(token, at, 1, letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase());
}

function doubled(token: string, at: number): string {
  return splice(token, at, 0, token.charAt(at));
}

function swapped(token: string, _: string, random: Random): string {
  const [a, b] = [random.whole(0, 92), random.whole(0, 92)];
  return splice(splice(token, a, 1, token.charAt(b)), b, 1, token.charAt(a));
}

/** The last character of a segment holds two or four bits that decoding drops: other values for them. */
function alias(token: string, _: string, random: Random): string {
  const at = random.pick(LAST_OF_SEGMENT);
  const value = ALPHABET.indexOf(token.charAt(at));
  const dropped = at === 70 ? 2 : 4;
  return splice(token, at, 1, ALPHABET.charAt(value ^ random.whole(1, 2 ** dropped - 1)));
}

function percent(token: string, at: number): string {
  return splice(token, at, 1, `%${token.charCodeAt(at).toString(16)}`);
}

function mixed(token: string, other: string, random: Random): string {
  const i = random.whole(0, SEGMENTS.length - 2);
  const [from = 0, to = 0] = SEGMENTS.slice(i, i + 2);
  return splice(token, from, to - from, other.slice(from, to));
}
