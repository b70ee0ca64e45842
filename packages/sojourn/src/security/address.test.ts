import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors.ts";
import { AddressList, clientAddress, networkOf, parseAddress } from "./address.ts";

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();
const any = fc.oneof(ipv4, ipv6);
const textOf = (address: string): string => parseAddress(address)?.text ?? "none";

describe("parseAddress", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::FFFF:cb00:7107", "203.0.113.7"],
    ["0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["::", "::"],
    ["fe80::1%eth0", "fe80::1"],
  ])("K2: %s is %s", (written, canonical) => expect(textOf(written)).toBe(canonical));

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "0x7f.1",
    "1",
    ":::",
    "1::2::3",
    "g::1",
    "::1]",
    "[::1]",
  ])("no address: %j", (text) => expect(parseAddress(text)).toBeNull());
  test.each(["::1@evil.example", "::1/64", "localhost", "unknown", "1.2.3.4 ", " 1.2.3.4", "::1%", "12345::"])(
    "no address, or no more than one: %j",
    (text) => expect(["none", "::1"]).toContain(textOf(text)),
  );

  test("takes exactly what node:net takes", () => {
    fc.assert(fc.property(any, (text) => parseAddress(text) !== null && isIP(text) !== 0));
    const near = fc.stringMatching(/^[0-9a-f:.]{1,20}$/);
    fc.assert(fc.property(near, (text) => (parseAddress(text) === null) === (isIP(text) === 0)));
  });

  test("K2: one spelling: writing it again changes nothing, and it means the same to node:net", () => {
    fc.assert(
      fc.property(any, (written) => {
        const text = textOf(written);
        const only = new BlockList();
        only.addAddress(written, isIP(written) === 4 ? "ipv4" : "ipv6");
        return textOf(text) === text && only.check(text, isIP(text) === 4 ? "ipv4" : "ipv6");
      }),
    );
  });
});

describe("networks", () => {
  test("K2: an IPv4 address counts as its /24, an IPv6 one as its /64", () => {
    expect(networkOf("203.0.113.7")).toBe(networkOf("::ffff:203.0.113.250"));
    expect(networkOf("203.0.113.7")).not.toBe(networkOf("203.0.112.7"));
    expect(networkOf("2001:db8:1:2:3::4")).toBe(networkOf("2001:DB8:1:2:ffff::"));
    expect(networkOf("2001:db8:1:2::")).not.toBe(networkOf("2001:db8:1:3::"));
    expect(networkOf("unknown")).toBeNull();
  });

  test("a list holds what node:net's BlockList holds", () => {
    const blocks = fc.oneof(
      fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })),
      fc.tuple(
        ipv6.filter((text) => parseAddress(text)?.bytes.length === 16),
        fc.integer({ min: 0, max: 128 }),
      ),
    );
    fc.assert(
      fc.property(blocks, any, ([base, bits], written) => {
        const address = parseAddress(written);
        const block = parseAddress(base);
        if (address === null || block === null) return false;
        const other = new BlockList();
        const family = (text: string) => (isIP(text) === 4 ? "ipv4" : "ipv6");
        other.addSubnet(block.text, bits, family(block.text));
        const expected = address.bytes.length === block.bytes.length && other.check(address.text, family(address.text));
        return new AddressList("x", [`${base}/${bits}`]).has(address) === expected;
      }),
      { numRuns: 500 },
    );
  });

  test("entries that are no address or block are refused, naming the option", () => {
    for (const entry of [
      "10.0.0.0/33",
      "10.0.0",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "loopback",
      "::ffff:0:0/95",
      7,
    ]) {
      expect(() => new AddressList("trustProxy", [entry as string])).toThrow(ConfigError);
    }
    expect(() => new AddressList("trustProxy", "10.0.0.0/8" as never)).toThrow(/trustProxy must be an array/);
    const mapped = new AddressList("x", ["::ffff:10.0.0.0/104"]);
    expect(mapped.has({ text: "10.9.9.9", bytes: [10, 9, 9, 9] })).toBe(true);
  });
});

describe("clientAddress", () => {
  const proxies = new AddressList("trustProxy", ["10.0.0.0/8", "::1"]);

  test.each([
    ["198.51.100.9", undefined, "198.51.100.9"],
    ["198.51.100.9", "203.0.113.7", "198.51.100.9"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["10.0.0.1", "203.0.113.7", "203.0.113.7"],
    ["::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"],
    ["10.0.0.1", "1.1.1.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"],
    ["10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"],
    ["10.0.0.1", "203.0.113.7:4711", "203.0.113.7"],
    ["::1", "[2001:DB8::1]:443", "2001:db8::1"],
    ["::1", "2001:db8::1", "2001:db8::1"],
    ["10.0.0.1", "203.0.113.7, unknown", undefined],
    ["10.0.0.1", "garbage, 203.0.113.7", "203.0.113.7"],
    [undefined, "203.0.113.7", undefined],
  ])("K2: peer %s with X-Forwarded-For %s is %s", (peer, forwarded, expected) => {
    expect(clientAddress(peer, forwarded, proxies)).toBe(expected);
  });

  test("K2: whatever a client writes in the header, behind one proxy its address is what the proxy saw", () => {
    fc.assert(
      fc.property(
        fc.string(),
        any.filter((text) => !proxies.has(parseAddress(text) ?? { text: "", bytes: [] })),
        (spoofed, real) => {
          return clientAddress("10.0.0.1", `${spoofed}, ${real}`, proxies) === textOf(real);
        },
      ),
    );
  });

  test("M3: a header of 100,000 hops takes a moment", () => {
    const hops = Array.from({ length: 100_000 }, () => "10.0.0.2").join(",");
    const before = process.hrtime.bigint();
    expect(clientAddress("10.0.0.1", hops, proxies)).toBe("10.0.0.2");
    expect(Number(process.hrtime.bigint() - before) / 1e6).toBeLessThan(2_000);
  });
});
