/**
 * Network addresses in one spelling, and the client's address behind proxies. Rows K1, K2: an address from a
 * header counts only as far as proxies that the operator named put it there, and two spellings are one address.
 */

import { ConfigError } from "../errors.ts";

export interface Address {
  /** IPv4 dotted, IPv6 after RFC 5952; an IPv4-mapped IPv6 address is the IPv4 one. */
  readonly text: string;
  /** 4 or 16. */
  readonly bytes: readonly number[];
}

/** No leading zeros: some readers take them for octal. */
const V4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const V6 = /^[0-9A-Fa-f:.]{2,45}$/;

/** Null for anything but an address. A zone (`fe80::1%eth0`), which means something on one machine only, is dropped. */
export function parseAddress(text: string): Address | null {
  if (V4.test(text)) return { text, bytes: text.split(".").map(Number) };
  const [bare = ""] = text.split("%", 1);
  if (!V6.test(bare) || !bare.includes(":")) return null;
  // The URL parser writes IPv6 addresses after RFC 5952, with hexadecimal digits only.
  const canonical = URL.parse(`http://[${bare}]`)?.hostname.slice(1, -1);
  if (canonical === undefined) return null;
  const bytes = bytesOf(canonical);
  return isMapped(bytes) ? dotted(bytes.slice(12)) : { text: canonical, bytes };
}

/** The /24 of an IPv4 address, the /64 of an IPv6 one: what one household or phone moves within. */
export function networkOf(text: string): string | null {
  const { bytes } = parseAddress(text) ?? {};
  return bytes === undefined ? null : bytes.slice(0, bytes.length === 4 ? 3 : 8).join(".");
}

/** Addresses and CIDR blocks. */
export class AddressList {
  readonly #blocks: readonly { readonly bytes: readonly number[]; readonly bits: number }[];

  /** @throws ConfigError for an entry that is neither, such as `"10.0.0.0/8"` or `"::1"`. */
  constructor(option: string, entries: readonly string[]) {
    if (!Array.isArray(entries)) throw new ConfigError(`Option ${option} must be an array of addresses.`);
    this.#blocks = entries.map((entry) => {
      const block = typeof entry === "string" ? parseBlock(entry) : null;
      if (block !== null) return block;
      throw new ConfigError(
        `Option ${option}: ${JSON.stringify(entry)} is no address or block such as "10.0.0.0/8" or "::1".`,
      );
    });
  }

  has({ bytes }: Address): boolean {
    return this.#blocks.some(
      (block) => block.bytes.length === bytes.length && sameBits(block.bytes, bytes, block.bits),
    );
  }
}

export function isAddressOrBlock(text: string): boolean {
  return parseBlock(text) !== null;
}

/**
 * Who sent a request: the connection's peer, or if that is a trusted proxy the right-most address in
 * X-Forwarded-For that is none. Everything to its left is what the client says. If all are proxies, the left-most.
 * Undefined where a proxy passed on something that is no address.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  proxies: AddressList,
): string | undefined {
  const hops = forwardedFor?.split(",") ?? [];
  let address = parseAddress(peer ?? "");
  while (address !== null && hops.length > 0 && proxies.has(address)) {
    address = parseAddress(withoutPort(hops.pop()?.trim() ?? ""));
  }
  return address?.text;
}

/** Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
}

function parseBlock(entry: string): { bytes: readonly number[]; bits: number } | null {
  const [, address = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const bytes = parseAddress(address)?.bytes;
  if (bytes === undefined) return null;
  // Of an IPv4-mapped block, the bits that are left of the IPv4 one.
  const written = bytes.length === 4 && address.includes(":") ? 96 : 0;
  const bits = length === undefined ? bytes.length * 8 : Number(length) - written;
  return bits >= 0 && bits <= bytes.length * 8 ? { bytes, bits } : null;
}

function sameBits(a: readonly number[], b: readonly number[], bits: number): boolean {
  const whole = Math.floor(bits / 8);
  const shift = 8 - (bits % 8);
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  return shift === 8 || (a[whole] ?? 0) >> shift === (b[whole] ?? 0) >> shift;
}

function bytesOf(canonical: string): number[] {
  const [head = [], tail] = canonical.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const groups = [...head, ...Array<string>(8 - head.length - (tail?.length ?? 0)).fill("0"), ...(tail ?? [])];
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
}

function isMapped(bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => i > 11 || byte === (i < 10 ? 0 : 255));
}

function dotted(bytes: readonly number[]): Address {
  return { text: bytes.join("."), bytes };
}
