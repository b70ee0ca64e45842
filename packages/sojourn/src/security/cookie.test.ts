/** Longer than 400 lines because the vectors are data: splitting them would part a rule from its counterexamples. */
import { request as sendRequest, createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { parseCookie, parseSetCookie, stringifySetCookie } from "cookie";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, CookieTooLargeError } from "../errors.ts";
import {
  type CookieAttributes,
  type CookieOptions,
  developmentCookie,
  expireCookie,
  readCookie,
  resolveCookieAttributes,
  serializeCookie,
} from "./cookie.ts";

const NAME = "__Host-Http-sid";
const ABSENT = { kind: "absent" };
const DUPLICATE = { kind: "duplicate" };
const one = (value: string) => ({ kind: "one", value });
const verbatim = (text: string) => text;

/** What a caller without types may pass. */
function untyped(value: unknown): never {
  return value as never;
}

/** The rules of `readCookie` said again, without care for speed. */
function readSlowly(header: string, name: string) {
  const values = header
    .split(";")
    .map((pair) => pair.replace(/^[ \t]+/, "").replace(/[ \t]+$/, ""))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  if (values.length > 1) return DUPLICATE;
  return values[0] === undefined ? ABSENT : one(values[0]);
}

/** Headers that are dense in near misses of the names `sid` and `a`. */
const hostileHeader = fc
  .array(
    fc.constantFrom(
      "sid",
      "sid=",
      "SID=",
      "a",
      "a=",
      "aa=",
      "=",
      ";",
      "; ",
      " ",
      "\t",
      '"',
      ",",
      "$Version=1",
      "\u00a0",
      "\u2000",
      "%73id=",
      "x",
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

const plainName = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/);
const plainValue = fc.stringMatching(/^[A-Za-z0-9_.~!*-]{0,24}$/);

describe("readCookie", () => {
  test.each([
    ["alone", "sid=abc", one("abc")],
    ["first", "sid=abc; a=1", one("abc")],
    ["last", "a=1; sid=abc", one("abc")],
    ["without the blank", "a=1;sid=abc;b=2", one("abc")],
    ["empty value", "sid=; a=1", one("")],
    ["value with =", "sid=a=b==", one("a=b==")],
    ["blanks around the pair", "a=1; \t sid=abc \t ;b=2", one("abc")],
    ["name inside another's value", "a=sid=1; b=sid", ABSENT],
    ["name as another's prefix", "sid2=1; sid.x=2; sid=abc", one("abc")],
    ["name as another's suffix", "xsid=1; __Host-sid=2", ABSENT],
    ["name as another's suffix and prefix, then itself", "sidsid=1; sid=2", one("2")],
    ["a part without =", "sid; a=1", ABSENT],
    ["a part without = and the cookie", "sid; sid=1", one("1")],
    ["only separators", ";;; ; ;", ABSENT],
    ["empty header", "", ABSENT],
    ["blank before =", "sid =abc", ABSENT],
    ["blank after =", "sid= abc", one(" abc")],
  ])("B8 finds the one cookie or none: %s", (_, header, expected) => {
    expect(readCookie(header, "sid")).toEqual(expected);
  });

  test("B8 no header and an empty name are absent", () => {
    expect(readCookie(undefined, NAME)).toEqual(ABSENT);
    expect(readCookie("=x; a=1", "")).toEqual(ABSENT);
  });

  test.each([
    ["a,b", "sid=a; sid=b"],
    ["b,a", "sid=b; sid=a"],
    ["equal values", "sid=a; sid=a"],
    ["not side by side", "x=1; sid=a; y=2; sid=b; z=3"],
    ["first one empty", "sid=; sid=a"],
    ["both empty", "sid=;sid="],
    ["three", "sid=a;sid=b;sid=c"],
  ])("B8 two cookies of the name are a duplicate: %s", (_, header) => {
    expect(readCookie(header, "sid")).toEqual(DUPLICATE);
  });

  test.each([
    ["U+2000 before the name", "\u2000__Host-Http-sid=evil"],
    ["U+2000 as UTF-8 bytes read as Latin-1", "\u00e2\u0080\u0080__Host-Http-sid=evil"],
    ["U+2000 after the name", "__Host-Http-sid\u2000=evil"],
    ["no-break space", "\u00a0__Host-Http-sid=evil"],
    ["next line, U+0085", "\u0085__Host-Http-sid=evil"],
    ["byte order mark", "\ufeff__Host-Http-sid=evil"],
    ["vertical tab and form feed", "\u000b\u000c__Host-Http-sid=evil"],
    ["CR LF", "\r\n__Host-Http-sid=evil"],
    ["NUL", "\u0000__Host-Http-sid=evil"],
    ["8-bit bytes in the name", "\u00ff__Host-Http-sid=evil; __Host-Http-sid\u00e9=evil"],
    ["upper case", "__HOST-HTTP-SID=evil"],
    ["title case", "__host-Http-sid=evil"],
    ["long s, which folds to s", "__Ho\u017ft-Http-\u017fid=evil"],
    ["nameless cookie that looks like ours", "=__Host-Http-sid=evil"],
    ["nameless cookie after another", "a=1; =__Host-Http-sid=evil"],
    ["percent-encoded name", "__Host%2DHttp-sid=evil; %5F_Host-Http-sid=evil"],
    ["quoted name", '"__Host-Http-sid"=evil'],
    ["name in $Version mode, after a comma", "$Version=1, __Host-Http-sid=evil"],
    ["name inside the value of $Version", '$Version="1 __Host-Http-sid=evil"'],
  ])("B8 is no cookie of the name: %s", (_, header) => {
    expect(readCookie(header, NAME)).toEqual(ABSENT);
    expect(readCookie(`${header}; ${NAME}=good`, NAME)).toEqual(one("good"));
    expect(readCookie(`${NAME}=good; ${header}`, NAME)).toEqual(one("good"));
  });

  test("B8 $Version is a cookie like any other: quotes do not span semicolons", () => {
    expect(readCookie(`$Version=1; ${NAME}="a; b"; $Path=/`, NAME)).toEqual(one('"a'));
    expect(readCookie(`$Version=1; x="; ${NAME}=evil"; ${NAME}=good`, NAME)).toEqual(DUPLICATE);
  });

  test("B8 the value comes as it is: quotes, escapes and 8-bit bytes kept", () => {
    expect(readCookie('sid="abc"', "sid")).toEqual(one('"abc"'));
    expect(readCookie("sid=%41%00", "sid")).toEqual(one("%41%00"));
    expect(readCookie("sid=\u00ff\u0080\u00a0", "sid")).toEqual(one("\u00ff\u0080\u00a0"));
    expect(readCookie("sid=abc\u2000", "sid")).toEqual(one("abc\u2000"));
  });

  test("B8 a name of regular-expression characters is compared as text", () => {
    expect(readCookie("aXb=1; a.b=2; a+*=3", "a.b")).toEqual(one("2"));
    expect(readCookie("aXb=1; a.b=2; a+*=3", "a+*")).toEqual(one("3"));
  });

  test("B8 agrees with a slow reading of the rules on hostile headers", () => {
    fc.assert(
      fc.property(hostileHeader, fc.constantFrom("sid", "a"), (header, name) => {
        expect(readCookie(header, name)).toEqual(readSlowly(header, name));
      }),
      { numRuns: 3000 },
    );
  });

  test("B8 agrees with the cookie package where blanks stand only around pairs", () => {
    const noBlankAtEquals = hostileHeader.map((header) => header.replace(/[ \t]*=[ \t]*/g, "="));
    fc.assert(
      fc.property(noBlankAtEquals, fc.constantFrom("sid", "a"), (header, name) => {
        const theirs = parseCookie(header, { decode: verbatim })[name];
        const ours = readCookie(header, name);
        if (ours.kind === "one") expect(theirs).toBe(ours.value);
        else expect(theirs === undefined).toBe(ours.kind === "absent");
      }),
      { numRuns: 3000 },
    );
  });

  test("B8 agrees with the cookie package on what browsers send", () => {
    const jar = fc.uniqueArray(fc.tuple(plainName, plainValue), { selector: ([name]) => name, maxLength: 12 });
    fc.assert(
      fc.property(jar, plainName, (pairs, other) => {
        const header = pairs.map(([name, value]) => `${name}=${value}`).join("; ");
        const theirs = parseCookie(header, { decode: verbatim });
        for (const name of [...pairs.map((pair) => pair[0]), other]) {
          const value = theirs[name];
          expect(readCookie(header, name)).toEqual(value === undefined ? ABSENT : one(value));
        }
      }),
    );
  });

  test("A4 whatever the header holds, the answer is a piece of it and nothing throws", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        fc.string({ unit: "binary", maxLength: 50 }),
        (before, value) => {
          const header = `${before};${NAME}=${value}`;
          const read = readCookie(header, NAME);
          if (read.kind === "one") expect(header).toContain(`=${read.value}`);
          else expect(read.kind).toBe("duplicate");
        },
      ),
    );
  });

  test.each([
    ["array", ["sid=a"]],
    ["object", { sid: "a" }],
    ["number", 7],
    ["null", null],
  ])("N5 a header that is no string is absent: %s", (_, header) => {
    expect(readCookie(untyped(header), "sid")).toEqual(ABSENT);
  });

  test("B8 finds the cookie behind 10,000 others", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `c${i}=v`).join("; ");
    expect(readCookie(`${many}; sid=last`, "sid")).toEqual(one("last"));
    expect(readCookie(`sid=first; ${many}; sid=last`, "sid")).toEqual(DUPLICATE);
  });
});

describe("readCookie on what HTTP stacks hand over", () => {
  /** Sends raw bytes to a Node server and answers with the Cookie header it saw. */
  async function throughNode(headerLines: string): Promise<string | undefined> {
    let seen: string | undefined;
    const server = createServer((request, response) => {
      seen = request.headers.cookie;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${headerLines}Connection: close\r\n\r\n`, "latin1"));
      });
      socket
        .on("error", reject)
        .on("close", () => resolve())
        .resume();
    });
    await new Promise((resolve) => server.close(resolve));
    return seen;
  }

  test("B8 Node: U+2000 as UTF-8 bytes stays part of the name", async () => {
    const header = await throughNode(`Cookie: \u00e2\u0080\u0080${NAME}=evil\r\n`);
    expect(header).toContain("evil");
    expect(readCookie(header, NAME)).toEqual(ABSENT);
  });

  test("B8 Node: two Cookie headers with the name are a duplicate", async () => {
    const header = await throughNode(`Cookie: ${NAME}=a\r\nCookie: ${NAME}=b\r\n`);
    expect(readCookie(header, NAME)).toEqual(DUPLICATE);
  });

  test("B8 Node: a client's own array of cookies arrives as one header", async () => {
    const seen = await new Promise<string | undefined>((resolve, reject) => {
      const server = createServer((request, response) => {
        response.end();
        server.close(() => resolve(request.headers.cookie));
      });
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        sendRequest({ port, agent: false, headers: { cookie: ["x=1", `${NAME}=a`] } }, (response) => response.resume())
          .on("error", reject)
          .end();
      });
    });
    expect(readCookie(seen, NAME)).toEqual(one("a"));
  });

  test("B8 fetch Headers: 8-bit bytes stay part of the name, duplicates are never one token", () => {
    const bytes = new Headers({ cookie: `\u00e2\u0080\u0080${NAME}=evil` });
    expect(readCookie(bytes.get("cookie") ?? undefined, NAME)).toEqual(ABSENT);

    const joined = new Headers([
      ["cookie", `${NAME}=a`],
      ["cookie", `${NAME}=b`],
    ]);
    const read = readCookie(joined.get("cookie") ?? undefined, NAME);
    // A runtime that joins with a comma yields a value that no token parser accepts.
    expect(read.kind === "duplicate" || (read.kind === "one" && read.value.includes(","))).toBe(true);
  });
});

describe("resolveCookieAttributes", () => {
  test("B1 B2 B3 B4 B5 the defaults", () => {
    const attributes = resolveCookieAttributes({});
    expect(attributes).toEqual({ name: "__Host-Http-sid", secure: true, httpOnly: true, sameSite: "lax", path: "/" });
    expect(Object.isFrozen(attributes)).toBe(true);
    expect(serializeCookie(attributes, "abc")).toBe("__Host-Http-sid=abc; Path=/; HttpOnly; Secure; SameSite=Lax");
  });

  test("B1 an option given as undefined is an option not given", () => {
    const options = { name: undefined, sameSite: undefined, path: undefined, domain: undefined, secure: undefined };
    expect(resolveCookieAttributes(untyped(options))).toEqual(resolveCookieAttributes({}));
  });

  test("B5 a domain switches the default name to __Secure-", () => {
    const attributes = resolveCookieAttributes({ domain: "example.com" });
    expect(attributes).toMatchObject({ name: "__Secure-sid", domain: "example.com", secure: true });
    expect(resolveCookieAttributes({ domain: "example.com", name: "sid" }).name).toBe("sid");
  });

  const prefixed = [
    "__Host-sid",
    "__Host-Http-sid",
    "__HOST-sid",
    "__host-http-sid",
    "__Secure-sid",
    "__sEcUrE-sid",
    "__Http-sid",
    "__HTTP-sid",
  ];

  test.each(prefixed)("B1 B2 a prefix demands Secure: %s", (name) => {
    expect(() => resolveCookieAttributes({ name, secure: false })).toThrow(/cookie\.secure/);
    expect(resolveCookieAttributes({ name }).name).toBe(name);
  });

  test.each(prefixed.slice(0, 4))("B1 B5 a __Host- prefix forbids Domain and Path: %s", (name) => {
    expect(() => resolveCookieAttributes({ name, domain: "example.com" })).toThrow(/cookie\.domain/);
    expect(() => resolveCookieAttributes({ name, path: "/app" })).toThrow(/cookie\.path/);
  });

  test.each(prefixed.slice(4))("B1 B5 the other prefixes allow Domain and Path: %s", (name) => {
    expect(resolveCookieAttributes({ name, domain: "example.com", path: "/app" })).toMatchObject({
      name,
      path: "/app",
    });
  });

  test("B2 Secure can be dropped only with a name that promises nothing", () => {
    expect(() => resolveCookieAttributes({ secure: false })).toThrow(ConfigError);
    expect(resolveCookieAttributes({ secure: false, name: "sid" }).secure).toBe(false);
    expect(resolveCookieAttributes({ secure: false, name: "__Hostsid" }).secure).toBe(false);
  });

  test.each(["lax", "strict", "none"] as const)("B4 SameSite=%s is written out", (sameSite) => {
    const written = parseSetCookie(serializeCookie(resolveCookieAttributes({ sameSite }), "v"));
    expect(written.sameSite).toBe(sameSite);
  });

  test("B4 SameSite=None needs Secure", () => {
    expect(() => resolveCookieAttributes({ sameSite: "none", secure: false, name: "sid" })).toThrow(
      /cookie\.sameSite "none" needs Secure/,
    );
  });

  test.each(["Lax", "", "toString", "__proto__", "lax; Domain=evil", true, null, 1])(
    "B4 B9 SameSite outside the closed set throws: %s",
    (sameSite) => {
      expect(() => resolveCookieAttributes({ sameSite: untyped(sameSite) })).toThrow(/cookie\.sameSite/);
    },
  );

  test.each([null, 0, "false", "", {}])("B2 N5 secure that is no boolean throws: %s", (secure) => {
    expect(() => resolveCookieAttributes({ name: "sid", secure: untyped(secure) })).toThrow(/cookie\.secure/);
  });
});

describe("what a Set-Cookie header may hold", () => {
  const breakers = [";", "\r", "\n", "\u0000", ",", "=", "\u007f", "\u0001", " ", "é", "\u2000"];

  const options: readonly (readonly [keyof CookieOptions, (bad: string) => CookieOptions])[] = [
    ["name", (bad) => ({ name: `sid${bad}x` })],
    ["path", (bad) => ({ name: "sid", path: `/a${bad}b` })],
    ["domain", (bad) => ({ domain: `exam${bad}ple.com` })],
    ["sameSite", (bad) => ({ sameSite: untyped(`lax${bad}`) })],
  ];

  test.each(
    options.flatMap(([option, build]) => breakers.map((bad) => [option, JSON.stringify(bad), build(bad)] as const)),
  )("B9 cookie.%s with %s throws ConfigError naming the option", (option, _, build) => {
    expect(() => resolveCookieAttributes(build)).toThrow(ConfigError);
    expect(() => resolveCookieAttributes(build)).toThrow(`cookie.${option}`);
  });

  test.each(
    options.flatMap(([option, build]) => breakers.map((bad) => [option, JSON.stringify(bad), build(bad)] as const)),
  )("B9 %s with %s is refused at serialization too", (_, __, build) => {
    const attributes: CookieAttributes = { ...resolveCookieAttributes({ name: "sid" }), ...build };
    expect(() => serializeCookie(attributes, "v")).toThrow(ConfigError);
    expect(() => expireCookie(attributes)).toThrow(ConfigError);
  });

  test("B9 attributes that contradict the prefix are refused at serialization too", () => {
    const attributes = { ...resolveCookieAttributes({}), domain: "example.com" };
    expect(() => serializeCookie(attributes, "v")).toThrow(ConfigError);
  });

  test.each(["", 7, null, ["sid"], { toString: () => "sid" }])("B9 N5 name %s throws", (name) => {
    expect(() => resolveCookieAttributes({ name: untyped(name) })).toThrow(/cookie\.name/);
  });

  test.each(["", "app", "//a b", "*", 7, ["/"]])("B9 path %s throws", (path) => {
    expect(() => resolveCookieAttributes({ name: "sid", path: untyped(path) })).toThrow(/cookie\.path/);
  });

  test.each([
    "",
    ".example.com",
    "example.com.",
    "a..b",
    "-a.com",
    "a-.com",
    "https://example.com",
    "example.com:443",
    "[::1]",
    `${"a".repeat(64)}.com`,
    "a.".repeat(130) + "com",
    7,
    null,
    ["a.com"],
  ])("B9 domain %s throws", (domain) => {
    expect(() => resolveCookieAttributes({ domain: untyped(domain) })).toThrow(/cookie\.domain/);
  });

  test.each(['"', "\\", ...breakers.filter((bad) => bad !== "=")])(
    "B9 a value with %j throws without repeating the value",
    (bad) => {
      const attributes = resolveCookieAttributes({});
      const write = () => serializeCookie(attributes, `secret${bad}token`);
      expect(write).toThrow(TypeError);
      expect(write).not.toThrow(/secret/);
    },
  );

  test.each([7, null, undefined, ["v"]])("B9 N5 a value that is no string throws: %s", (value) => {
    expect(() => serializeCookie(resolveCookieAttributes({}), untyped(value))).toThrow(TypeError);
  });

  test("B9 whatever is accepted is one header line that the cookie package reads back whole", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.string({ maxLength: 12 }),
      fc.stringMatching(/^[\x20-\x7e]{1,12}$/),
      plainName,
    );
    fc.assert(
      fc.property(anything, anything, anything, anything, (name, path, domain, value) => {
        let header: string;
        try {
          header = serializeCookie(resolveCookieAttributes({ name, path: `/${path}`, domain }), value);
        } catch (error) {
          expect(error instanceof ConfigError || error instanceof TypeError).toBe(true);
          return;
        }
        expect(header).toMatch(/^[\x21-\x7e]+(; [\x21-\x7e]+)*$/);
        expect({ ...parseSetCookie(header, { decode: verbatim }) }).toEqual({
          name,
          value,
          domain,
          path: `/${path}`,
          httpOnly: true,
          secure: true,
          sameSite: "lax",
        });
      }),
      { numRuns: 2000 },
    );
  });

  test("B9 writes the same bytes as the cookie package", () => {
    const attributes = fc.record(
      {
        name: plainName,
        secure: fc.boolean(),
        httpOnly: fc.constant(true as const),
        sameSite: fc.constantFrom("lax" as const, "strict" as const),
        path: fc.constantFrom("/", "/app", "/a/b%20c"),
        domain: fc.constantFrom("example.com", "a.b.example"),
        maxAgeSeconds: fc.integer({ min: 0, max: 34_560_000 }),
      },
      { requiredKeys: ["name", "secure", "httpOnly", "sameSite", "path"] },
    );
    fc.assert(
      fc.property(attributes, plainValue, (ours, value) => {
        const { maxAgeSeconds, ...shared } = ours;
        const theirs = stringifySetCookie(
          { ...shared, value, ...(maxAgeSeconds === undefined ? {} : { maxAge: maxAgeSeconds }) },
          { encode: verbatim },
        );
        expect(serializeCookie(ours, value)).toBe(theirs);
        expect(expireCookie(ours)).toBe(stringifySetCookie({ ...shared, value: "", maxAge: 0, expires: new Date(0) }));
      }),
    );
  });

  test("B7 name and value of 4,096 bytes pass, 4,097 throw", () => {
    const attributes = resolveCookieAttributes({});
    const room = 4096 - NAME.length;
    expect(serializeCookie(attributes, "v".repeat(room))).toContain("v; Path");
    expect(() => serializeCookie(attributes, "v".repeat(room + 1))).toThrow(CookieTooLargeError);
    expect(() => serializeCookie(attributes, "v".repeat(room + 1))).toThrow(/4097/);
  });

  test("B7 a path of 1,024 bytes passes, 1,025 throw", () => {
    const withPath = (bytes: number) => resolveCookieAttributes({ name: "sid", path: `/${"p".repeat(bytes - 1)}` });
    expect(withPath(1024).path).toHaveLength(1024);
    expect(() => withPath(1025)).toThrow(/cookie\.path/);
  });

  test("B6 no Max-Age and no Expires unless asked for", () => {
    expect(serializeCookie(resolveCookieAttributes({}), "v")).not.toMatch(/max-age|expires/i);
  });

  test.each([
    [0, 0],
    [1, 1],
    [34_560_000, 34_560_000],
    [34_560_001, 34_560_000],
    [Number.MAX_SAFE_INTEGER, 34_560_000],
  ])("B6 Max-Age %d is written as %d: at most 400 days", (maxAgeSeconds, written) => {
    const header = serializeCookie({ ...resolveCookieAttributes({}), maxAgeSeconds }, "v");
    expect(parseSetCookie(header).maxAge).toBe(written);
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "60", null])("B6 B9 Max-Age %s throws", (maxAgeSeconds) => {
    const attributes = { ...resolveCookieAttributes({}), maxAgeSeconds: untyped(maxAgeSeconds) };
    expect(() => serializeCookie(attributes, "v")).toThrow(/maxAgeSeconds/);
  });

  test("B3 HttpOnly is written whatever the object says", () => {
    const attributes = { ...resolveCookieAttributes({}), httpOnly: untyped(false) };
    expect(serializeCookie(attributes, "v")).toContain("; HttpOnly");
  });
});

describe("expireCookie", () => {
  test.each<CookieOptions>([
    {},
    { domain: "example.com", sameSite: "none" },
    { name: "sid", path: "/app", secure: false, sameSite: "strict" },
  ])("B6 keeps name, path, domain and flags of the cookie it ends: %j", (options) => {
    const attributes = { ...resolveCookieAttributes(options), maxAgeSeconds: 3600 };
    const { value: _, maxAge: __, ...kept } = parseSetCookie(serializeCookie(attributes, "v"));
    const ended = parseSetCookie(expireCookie(attributes));
    expect({ ...ended }).toEqual({ ...kept, value: "", maxAge: 0, expires: new Date(0) });
  });
});

describe("developmentCookie", () => {
  test("B2 has no prefix and no Secure, all else as ever", () => {
    const attributes = developmentCookie("shop", "strict");
    expect(attributes).toEqual({ name: "sid-shop", secure: false, httpOnly: true, sameSite: "strict", path: "/" });
    expect(serializeCookie(attributes, "v")).toBe("sid-shop=v; Path=/; HttpOnly; SameSite=Strict");
  });

  test("B4 SameSite=None becomes Lax, because browsers drop None without Secure", () => {
    expect(developmentCookie("shop", "none").sameSite).toBe("lax");
  });

  test.each(["", "a b", "a;b", "a=b", "a\r\nb", "é", untyped(7)])(
    "B9 a namespace unfit for a cookie name throws: %j",
    (namespace) => {
      expect(() => developmentCookie(namespace, "lax")).toThrow(/namespace/);
    },
  );
});
