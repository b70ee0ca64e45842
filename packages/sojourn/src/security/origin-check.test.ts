/** Longer than 400 lines because the vectors are data: splitting them would part a rule from its counterexamples. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, CrossSiteRequestError } from "../errors.ts";
import {
  checkOrigin,
  normalizeOrigins,
  type OriginCheckInput,
  type OriginPolicy,
  type OriginVerdict,
  ownOriginOf,
} from "./origin-check.ts";

const OWN = "https://shop.example";
const LISTED = "https://partner.example";
const SAFE = ["GET", "HEAD", "OPTIONS", "TRACE"];
const UNSAFE = [
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "CONNECT",
  "PROPFIND",
  "QUERY",
  "",
  "get",
  "Head",
  "options",
  "trace",
  " GET",
  "GET ",
  "GETX",
];
const SITES = [
  undefined,
  "same-origin",
  "none",
  "same-site",
  "cross-site",
  "",
  "Same-Origin",
  "same-origin, cross-site",
  "future-site",
];
const ORIGINS = [undefined, OWN, LISTED, "https://evil.example", "null", ""];

const NOTHING_EXTRA: OriginPolicy = { origins: null, allowSameSite: false };
const POLICIES: readonly OriginPolicy[] = [
  NOTHING_EXTRA,
  { origins: null, allowSameSite: true },
  { origins: new Set([LISTED]), allowSameSite: false },
  { origins: new Set([LISTED]), allowSameSite: true },
];

const post: OriginCheckInput = {
  method: "POST",
  secFetchSite: undefined,
  origin: undefined,
  referer: undefined,
  ownOrigin: OWN,
  hasSessionCookie: true,
};

const allowed: OriginVerdict = { allowed: true };
const refused = (why: Extract<OriginVerdict, { allowed: false }>["why"]): OriginVerdict => ({ allowed: false, why });

/** The rules of rows H1 and H2 as a list, first match wins; written apart from the code under test. */
function expected(
  site: string | undefined,
  origin: string | undefined,
  hasSessionCookie: boolean,
  policy: OriginPolicy,
): OriginVerdict {
  const listed = origin === LISTED && policy.origins !== null;
  const rules: readonly (readonly [boolean, OriginVerdict])[] = [
    [site === "same-origin" || site === "none", allowed],
    [site !== undefined && listed, allowed],
    [site === "same-site", policy.allowSameSite ? allowed : refused("same_site")],
    [site !== undefined, refused("cross_site")],
    [origin === OWN || listed, allowed],
    [origin !== undefined, refused("origin_mismatch")],
    [hasSessionCookie, refused("origin_missing")],
  ];
  return rules.find(([applies]) => applies)?.[1] ?? allowed;
}

describe("checkOrigin matrix", () => {
  test.each(UNSAFE)("H1 H2 unsafe %j: every Sec-Fetch-Site × Origin × cookie × policy", (method) => {
    for (const secFetchSite of SITES)
      for (const origin of ORIGINS)
        for (const hasSessionCookie of [true, false])
          for (const policy of POLICIES) {
            const verdict = checkOrigin({ ...post, method, secFetchSite, origin, hasSessionCookie }, policy);
            expect(verdict, JSON.stringify({ secFetchSite, origin, hasSessionCookie, policy })).toEqual(
              expected(secFetchSite, origin, hasSessionCookie, policy),
            );
          }
  });

  test.each(SAFE)("H1 safe %s is allowed from everywhere", (method) => {
    for (const secFetchSite of SITES)
      for (const origin of ORIGINS)
        for (const policy of POLICIES) {
          expect(checkOrigin({ ...post, method, secFetchSite, origin }, policy)).toEqual(allowed);
        }
  });
});

describe("checkOrigin with Sec-Fetch-Site", () => {
  test.each([
    "",
    " ",
    "Same-Origin",
    "SAME-ORIGIN",
    "same-origin ",
    "same-origin, same-origin",
    "none, cross-site",
    "same_site",
    "true",
  ])("H1 an unknown Sec-Fetch-Site counts as cross-site, even with the own Origin: %j", (secFetchSite) => {
    expect(checkOrigin({ ...post, secFetchSite, origin: OWN }, { ...NOTHING_EXTRA, allowSameSite: true })).toEqual(
      refused("cross_site"),
    );
  });

  test("H1 a cross-site request without cookie is refused as well: login must not be forged", () => {
    expect(checkOrigin({ ...post, secFetchSite: "cross-site", hasSessionCookie: false }, NOTHING_EXTRA)).toEqual(
      refused("cross_site"),
    );
  });

  test("H1 the opt-in to same-site does not open cross-site", () => {
    const policy = { origins: null, allowSameSite: true };
    expect(checkOrigin({ ...post, secFetchSite: "cross-site", origin: OWN }, policy)).toEqual(refused("cross_site"));
    expect(checkOrigin({ ...post, secFetchSite: "same-site" }, policy)).toEqual(allowed);
  });

  test("H1 Referer never stands in for Origin when the browser said cross-site", () => {
    const policy = { origins: new Set([LISTED]), allowSameSite: false };
    expect(checkOrigin({ ...post, secFetchSite: "cross-site", referer: `${LISTED}/form` }, policy)).toEqual(
      refused("cross_site"),
    );
  });

  test("H1 the refusal's Vary names what the verdict depends on", () => {
    expect(new CrossSiteRequestError("cross_site").headers["Vary"]).toBe("Sec-Fetch-Site, Origin");
  });
});

const NOT_OWN = [
  "null",
  "",
  "https://shop.example.evil.com",
  "https://evilshop.example",
  "https://a.shop.example",
  "https://shop.example:8443",
  "https://shop.example:443",
  "https://shop.example.",
  "https://SHOP.example",
  "HTTPS://shop.example",
  "http://shop.example",
  "https://shop.example/",
  "https://shop.example, https://evil.example",
  "https://evil.example@shop.example",
  " https://shop.example",
  "shop.example",
  "*",
  "https://shop.example\u0000",
  "https://\u017fhop.example",
];

describe("checkOrigin without Sec-Fetch-Site", () => {
  test.each(NOT_OWN)("H2 Origin %j is not the own origin", (origin) => {
    expect(checkOrigin({ ...post, origin }, NOTHING_EXTRA)).toEqual(refused("origin_mismatch"));
    expect(checkOrigin({ ...post, origin }, { origins: new Set([OWN]), allowSameSite: true })).toEqual(
      refused("origin_mismatch"),
    );
  });

  test("H2 a good Referer does not mend a bad Origin", () => {
    expect(checkOrigin({ ...post, origin: "null", referer: `${OWN}/form` }, NOTHING_EXTRA)).toEqual(
      refused("origin_mismatch"),
    );
  });

  test("H2 an unknown own origin matches nothing, not even Origin: null", () => {
    for (const origin of [OWN, "null", ""]) {
      expect(checkOrigin({ ...post, origin, ownOrigin: null }, NOTHING_EXTRA)).toEqual(refused("origin_mismatch"));
    }
    expect(checkOrigin({ ...post, referer: "about:blank", ownOrigin: null }, NOTHING_EXTRA)).toEqual(
      refused("origin_mismatch"),
    );
    expect(
      checkOrigin({ ...post, origin: LISTED, ownOrigin: null }, { origins: new Set([LISTED]), allowSameSite: false }),
    ).toEqual(allowed);
  });

  test.each([`${OWN}/`, `${OWN}/form?x=1#y`, OWN, `${OWN}:443/form`])("H2 Referer %j is the own origin", (referer) => {
    expect(checkOrigin({ ...post, referer }, NOTHING_EXTRA)).toEqual(allowed);
  });

  test.each([
    "",
    "null",
    "/form",
    "form",
    "about:blank",
    "data:text/html,x",
    "blob:https://shop.example/5c8f",
    "filesystem:https://shop.example/x",
    "http://shop.example/form",
    "https://shop.example:8443/form",
    "https://shop.example./form",
    "https://shop.example.evil.com/form",
    "https://shop.example@evil.example/form",
    "https://evil.example/https://shop.example/",
    "https://evil.example?https://shop.example",
    "https://",
    "https://shop.example:99999/",
  ])("H2 Referer %j is refused", (referer) => {
    expect(checkOrigin({ ...post, referer }, NOTHING_EXTRA)).toEqual(refused("origin_mismatch"));
  });

  test("H2 a Referer of a listed origin is allowed", () => {
    expect(
      checkOrigin({ ...post, referer: `${LISTED}/a` }, { origins: new Set([LISTED]), allowSameSite: false }),
    ).toEqual(allowed);
  });

  test("H2 neither header: refused with the session cookie, allowed without", () => {
    expect(checkOrigin(post, NOTHING_EXTRA)).toEqual(refused("origin_missing"));
    expect(checkOrigin({ ...post, hasSessionCookie: false }, NOTHING_EXTRA)).toEqual(allowed);
  });
});

const method = fc.oneof(fc.constantFrom(...SAFE, ...UNSAFE), fc.string());
const origin = fc.oneof(fc.constantFrom(...ORIGINS, ...NOT_OWN), fc.webUrl(), fc.string());
const anyInput: fc.Arbitrary<OriginCheckInput> = fc.record({
  method,
  secFetchSite: fc.oneof(fc.constantFrom(...SITES), fc.string()),
  origin,
  referer: fc.oneof(origin, fc.webUrl({ withFragments: true, withQueryParameters: true })),
  ownOrigin: fc.constantFrom(OWN, "http://localhost:3000", null),
  hasSessionCookie: fc.boolean(),
});
const anyPolicy = fc.constantFrom(...POLICIES);

/** Throws when anything but the named inputs is read. */
function guarded(input: OriginCheckInput): OriginCheckInput {
  return new Proxy(input, {
    get(target, key) {
      if (!Object.hasOwn(post, key)) throw new Error(`read ${String(key)}`);
      return Reflect.get(target, key);
    },
    ownKeys() {
      throw new Error("listed the keys");
    },
  });
}

describe("checkOrigin depends on nothing else", () => {
  const documents = [
    undefined,
    "text/plain",
    "TEXT/PLAIN",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json;charset=utf-8",
    "application/json",
  ];

  test.each(["POST", "PUT", "PATCH", "DELETE"])("H3 %s: the verdict is the same for every Content-Type", (unsafe) => {
    for (const contentType of documents)
      for (const [secFetchSite, verdict] of [
        ["cross-site", refused("cross_site")],
        ["same-origin", allowed],
      ] as const) {
        const request = {
          ...post,
          method: unsafe,
          secFetchSite,
          contentType,
          headers: { "content-type": contentType },
        };
        expect(checkOrigin(request, NOTHING_EXTRA)).toEqual(verdict);
      }
  });

  test.each(["GET", "HEAD"])("H6 a method override to %s does not make a POST safe", (override) => {
    const headers = { "x-http-method-override": override, "x-http-method": override, "x-method-override": override };
    const request = {
      ...post,
      secFetchSite: "cross-site",
      headers,
      ...headers,
      _method: override,
      body: { _method: override },
    };
    expect(checkOrigin(request, NOTHING_EXTRA)).toEqual(refused("cross_site"));
  });

  test("H3 H6 only the listed inputs are read, and what else a request carries changes nothing", () => {
    const extras = fc.dictionary(
      fc.oneof(
        fc.constantFrom("contentType", "headers", "body", "_method", "url", "x-http-method-override", "authorization"),
        fc.string(),
      ),
      fc.anything(),
    );
    fc.assert(
      fc.property(anyInput, extras, anyPolicy, (input, extra, policy) => {
        const verdict = checkOrigin(input, policy);
        expect(checkOrigin(guarded({ ...extra, ...input }), policy)).toBe(verdict);
      }),
      { numRuns: 2000 },
    );
  });

  test("H1 with Sec-Fetch-Site neither Referer, own origin nor cookie changes the verdict", () => {
    fc.assert(
      fc.property(anyInput, anyInput, anyPolicy, (input, other, policy) => {
        const { referer, ownOrigin, hasSessionCookie } = other;
        const request = { ...input, secFetchSite: input.secFetchSite ?? "same-site" };
        expect(checkOrigin({ ...request, referer, ownOrigin, hasSessionCookie }, policy)).toBe(
          checkOrigin(request, policy),
        );
      }),
    );
  });

  test("H2 with Origin neither Referer nor cookie changes the verdict", () => {
    fc.assert(
      fc.property(anyInput, anyInput, anyPolicy, (input, { referer, hasSessionCookie }, policy) => {
        const request = { ...input, origin: input.origin ?? "null" };
        expect(checkOrigin({ ...request, referer, hasSessionCookie }, policy)).toBe(checkOrigin(request, policy));
      }),
    );
  });

  test("H1 H2 an unsafe request is allowed only by what its browser said, by a known source, or for want of a cookie", () => {
    fc.assert(
      fc.property(anyInput, anyPolicy, (input, policy) => {
        fc.pre(!SAFE.includes(input.method) && checkOrigin(input, policy).allowed);
        const source =
          input.origin ??
          (input.referer === undefined ? undefined : (URL.parse(input.referer)?.origin ?? "unreadable"));
        const reasons =
          input.secFetchSite === undefined
            ? [source === undefined && !input.hasSessionCookie, source !== undefined && source === input.ownOrigin]
            : [
                ["same-origin", "none"].includes(input.secFetchSite),
                input.secFetchSite === "same-site" && policy.allowSameSite,
              ];
        const listed = policy.origins?.has((input.secFetchSite === undefined ? source : input.origin) ?? "") === true;
        expect([...reasons, listed]).toContain(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("H1 answers cannot be changed by a caller", () => {
    expect(Object.isFrozen(checkOrigin(post, NOTHING_EXTRA))).toBe(true);
    expect(Object.isFrozen(checkOrigin({ ...post, method: "GET" }, NOTHING_EXTRA))).toBe(true);
  });
});

describe("ownOriginOf", () => {
  test.each([
    ["https", "shop.example", "https://shop.example"],
    ["https", "Shop.EXAMPLE:443", "https://shop.example"],
    ["http", "shop.example:80", "http://shop.example"],
    ["http", "shop.example:443", "http://shop.example:443"],
    ["https", "shop.example:80", "https://shop.example:80"],
    ["https", "shop.example:8443", "https://shop.example:8443"],
    ["https", "shop.example.", "https://shop.example."],
    ["http", "localhost:3000", "http://localhost:3000"],
    ["http", "127.0.0.1:3000", "http://127.0.0.1:3000"],
    ["http", "[::1]:3000", "http://[::1]:3000"],
    ["https", "[2001:DB8:0:0::1]", "https://[2001:db8::1]"],
    ["https", "my_app.example", "https://my_app.example"],
    ["https", "xn--bcher-kva.example", "https://xn--bcher-kva.example"],
  ])("H2 %s and Host %j make %s", (scheme, host, own) => {
    expect(ownOriginOf(scheme, host)).toBe(own);
  });

  test.each([
    "",
    " ",
    "shop.example ",
    " shop.example",
    "shop.example:",
    "shop.example:x",
    "shop.example:-1",
    "shop.example:65536",
    "shop.example:443:443",
    "shop.example/",
    "shop.example/path",
    "shop.example?x",
    "shop.example#x",
    "shop.example\\x",
    "user@shop.example",
    "user:pass@shop.example",
    "shop.example, evil.example",
    "shop.example;x",
    "sh%6Fp.example",
    "sh\top.example",
    "shop.example\r\nX: y",
    "shop.example\u0000",
    "bücher.example",
    "\u017fhop.example",
    "*",
    "*.example",
    "[::1",
    "::1",
    "[shop.example]",
    "[::g]",
    "999.999.999.999",
    "a".repeat(300),
  ])("H2 Host %j is no host", (host) => {
    expect(ownOriginOf("https", host)).toBeNull();
  });

  test("H2 a missing host and another scheme are null", () => {
    expect(ownOriginOf("https", undefined)).toBeNull();
    for (const scheme of ["", "HTTPS", "https:", "ftp", "javascript", "wss"])
      expect(ownOriginOf(scheme, "shop.example")).toBeNull();
  });

  test.each([
    ["array", ["shop.example"]],
    ["number", 7],
    ["object", {}],
    ["null", null],
  ])("N5 a host that is no string is null: %s", (_, host) => {
    expect(ownOriginOf("https", host as never)).toBeNull();
  });

  test("H2 the answer is null or exactly what a browser would write in Origin", () => {
    const host = fc.oneof(
      fc.string(),
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.tuple(fc.domain(), fc.nat(70_000)).map(([name, port]) => `${name}:${port}`),
    );
    fc.assert(
      fc.property(fc.constantFrom("http", "https"), host, (scheme, text) => {
        const own = ownOriginOf(scheme, text);
        if (own === null) return;
        expect(new URL(own).origin).toBe(own);
        expect(normalizeOrigins([own])).toEqual(new Set([own]));
        expect(ownOriginOf(scheme, text.toUpperCase())).toBe(own);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("normalizeOrigins", () => {
  test("H2 nothing listed is null", () => {
    expect(normalizeOrigins(undefined)).toBeNull();
    expect(normalizeOrigins([])).toBeNull();
  });

  test("H2 exact origins are kept as they are, once", () => {
    const list = ["https://a.example", "http://localhost:3000", "https://[::1]:8443", "https://a.example"];
    expect([...(normalizeOrigins(list) ?? [])]).toEqual(list.slice(0, 3));
  });

  test("H2 a later change of the caller's array changes nothing", () => {
    const list = ["https://a.example"];
    const origins = normalizeOrigins(list);
    list.push("https://evil.example");
    expect(origins?.has("https://evil.example")).toBe(false);
  });

  test.each([
    "",
    "*",
    "null",
    "a.example",
    "//a.example",
    "https://",
    "https://a.example/",
    "https://a.example/path",
    "https://a.example?x",
    "https://a.example#",
    "https://A.example",
    "HTTPS://a.example",
    "https://a.example:443",
    "http://a.example:80",
    "https://user@a.example",
    "https://bücher.example",
    "https://*.example",
    " https://a.example",
    "https://a.example ",
    "https://a.example\n",
    "https://a.example,https://b.example",
    "blob:https://a.example",
    "wss://a.example",
    "ftp://a.example",
    "file:///",
    "chrome-extension://abc",
    "data:text/plain,x",
  ])("H2 %j is not exactly an origin", (entry) => {
    expect(() => normalizeOrigins([entry])).toThrow(ConfigError);
    expect(() => normalizeOrigins(["https://fine.example", entry])).toThrow("origins");
  });

  test("H2 the message shows the right form", () => {
    expect(() => normalizeOrigins(["https://A.example:443/"])).toThrow('write "https://a.example"');
  });

  test.each([
    ["number", [7]],
    ["null", [null]],
    ["URL object", [new URL("https://a.example")]],
    ["a string", "https://a.example"],
    ["an object", {}],
  ])("N5 what is no array of strings throws: %s", (_, list) => {
    expect(() => normalizeOrigins(list as never)).toThrow(ConfigError);
  });
});
