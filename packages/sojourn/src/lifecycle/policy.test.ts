import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import { defaultTouchInterval, Policies, type PolicyOptions } from "./policy.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const builtIn = new Policies(DEFAULTS.policies, DEFAULTS.defaultPolicy);

function policiesWith(options: unknown): Policies {
  return new Policies({ custom: options as PolicyOptions }, "custom");
}

describe("built-in policies", () => {
  test.each([
    ["REMEMBER_ME", "rememberMe", 30 * DAY, 90 * DAY],
    ["NORMAL", "normal", DAY, 7 * DAY],
    ["SENSITIVE", "sensitive", 15 * MINUTE, 12 * HOUR],
    ["TEMPORARY", "temporary", 5 * MINUTE, HOUR],
    ["anonymous", "anonymous", HOUR, 7 * DAY],
  ])("TTL class %s", (_, name, idleMs, absoluteMs) => {
    expect(builtIn.named(name)).toMatchObject({ name, idleMs, absoluteMs });
  });

  test("there are no others, and normal is the default", () => {
    expect(Object.keys(DEFAULTS.policies)).toEqual([
      "normal",
      "rememberMe",
      "sensitive",
      "temporary",
      "anonymous",
      "aal1",
      "aal2",
      "aal3",
    ]);
    expect(builtIn.named(undefined).name).toBe("normal");
    expect(builtIn.longestAbsoluteMs).toBe(90 * DAY);
  });

  // NIST SP 800-63B-4 2.1.3, 2.2.3, 2.3.3: overall timeout, inactivity timeout (AAL1 names none).
  test.each([
    ["aal1", 1, 30 * DAY, 30 * DAY],
    ["aal2", 2, 24 * HOUR, HOUR],
    ["aal3", 3, 12 * HOUR, 15 * MINUTE],
  ])("D3 %s stays within the numbers of NIST", (name, aal, overall, inactivity) => {
    const policy = builtIn.named(name);
    expect(policy.aal).toBe(aal);
    expect(policy.absoluteMs).toBeLessThanOrEqual(overall);
    expect(policy.idleMs).toBeLessThanOrEqual(inactivity);
  });

  test("only rememberMe outlives the browser", () => {
    const names = Object.keys(DEFAULTS.policies);
    expect(names.filter((name) => builtIn.isPersistent(name))).toEqual(["rememberMe"]);
    expect(builtIn.isPersistent("removed since")).toBe(false);
  });

  test.each([
    ["normal", 10 * MINUTE],
    ["rememberMe", 10 * MINUTE],
    ["sensitive", 45_000],
    ["temporary", 15_000],
    ["aal2", 3 * MINUTE],
  ])("%s stores activity every %i ms", (name, expected) => {
    expect(builtIn.named(name).touchIntervalMs).toBe(expected);
  });
});

describe("touch interval", () => {
  test.each([
    [10_000, 5_000],
    [99_000, 5_000],
    [100_000, 5_000],
    [200_000, 10_000],
    [12_000_000, 600_000],
    [30 * DAY, 600_000],
  ])("idle %i ms: %i ms", (idleMs, expected) => {
    expect(defaultTouchInterval(idleMs)).toBe(expected);
  });

  test("clamp(idle/20, 5 s, 10 min), and always under the idle timeout", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 400 * DAY }), (idleMs) => {
        const interval = defaultTouchInterval(idleMs);
        expect(interval).toBe(Math.floor(Math.min(Math.max(idleMs / 20, 5_000), 600_000)));
        expect(interval).toBeLessThan(idleMs);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_999 }), (idleMs) => {
        expect(defaultTouchInterval(idleMs)).toBe(Math.floor(idleMs / 2));
      }),
    );
  });

  test("one's own is taken, up to just under idle", () => {
    expect(policiesWith({ idle: "1h", absolute: "1d", touchInterval: "59m" }).named("custom").touchIntervalMs).toBe(
      59 * MINUTE,
    );
    for (const touchInterval of ["1h", "2h"]) {
      expect(() => policiesWith({ idle: "1h", absolute: "1d", touchInterval })).toThrow("touchInterval");
    }
  });

  test("of a session whose policy was removed, its own idle timeout decides", () => {
    expect(builtIn.touchIntervalOf("removed since", 200_000)).toBe(10_000);
    expect(builtIn.touchIntervalOf("sensitive", 200_000)).toBe(45_000);
  });

  test("the idle timeout alone says how long a touch is surely not due", () => {
    expect(builtIn.shortestTouchIntervalOf(DAY)).toBe(10 * MINUTE);
    expect(builtIn.shortestTouchIntervalOf(15 * MINUTE)).toBe(45_000);
    // No policy has this one: whose session it is, nobody can tell.
    expect(builtIn.shortestTouchIntervalOf(123)).toBe(15_000);
    const hasty = { idle: "1d", absolute: "2d", touchInterval: "20s" } as const;
    const two = new Policies({ ...DEFAULTS.policies, hasty }, "normal");
    expect(two.shortestTouchIntervalOf(DAY)).toBe(20_000);
    const locking = new Policies({ ...DEFAULTS.policies, locking: { ...hasty, lockAfter: "1h" } }, "normal");
    expect(locking.shortestTouchIntervalOf(15 * MINUTE)).toBe(15_000);
  });
});

describe("policies of one's own", () => {
  test("D5: lockAfter is shorter than idle, and activity is stored often enough for it", () => {
    const policies = policiesWith({ idle: "24h", absolute: "24h", lockAfter: "10m" });
    expect(policies.named("custom")).toMatchObject({ lockAfterMs: 10 * MINUTE, touchIntervalMs: 30_000 });
    expect([policies.shortestLockMs, policies.lockAfterMsOf("custom")]).toEqual([10 * MINUTE, 10 * MINUTE]);
    expect([builtIn.shortestLockMs, builtIn.lockAfterMsOf("none")]).toEqual([Infinity, Infinity]);
    for (const wrong of [{ lockAfter: "24h" }, { lockAfter: "soon" }, { lockAfter: "10m", touchInterval: "10m" }]) {
      expect(() => policiesWith({ idle: "24h", absolute: "24h", ...wrong })).toThrow(ConfigError);
    }
  });

  test("what is not said is not persistent and has no assurance level of its own", () => {
    expect(policiesWith({ idle: "30m", absolute: "30m" }).named("custom")).toEqual({
      name: "custom",
      idleMs: 30 * MINUTE,
      lockAfterMs: Number.POSITIVE_INFINITY,
      absoluteMs: 30 * MINUTE,
      touchIntervalMs: 90_000,
      persistent: false,
      aal: null,
    });
    const { aal, persistent } = policiesWith({ idle: "1h", absolute: "1d", aal: 0, persistent: true }).named("custom");
    expect({ aal, persistent }).toEqual({ aal: 0, persistent: true });
  });

  test.each([
    [1, { idle: "30d", absolute: "31d" }],
    [2, { idle: "61m", absolute: "24h" }],
    [2, { idle: "1h", absolute: "25h" }],
    [3, { idle: "16m", absolute: "12h" }],
    [2, { idle: "24h", absolute: "24h", lockAfter: "61m" }],
  ] as const)(
    "D3 a policy of level %i that lasts longer than NIST allows needs a justification: %o",
    (aal, lasting) => {
      expect(() => policiesWith({ ...lasting, aal })).toThrow(
        /NIST SP 800-63B-4 allows at assurance level \d.*justification/,
      );
      for (const justification of ["", " ", 5, null]) {
        expect(() => policiesWith({ ...lasting, aal, justification })).toThrow(ConfigError);
      }
      const justification = "A kiosk in a locked room, signed off by security on 2026-11-02.";
      expect(policiesWith({ ...lasting, aal, justification }).named("custom").aal).toBe(aal);
      expect(() => policiesWith({ ...lasting, aal: 0 })).not.toThrow();
      expect(() => policiesWith(lasting)).not.toThrow();
    },
  );

  test("D5 a lock asks for the user as the end would: with it the idle timeout may be longer", () => {
    expect(policiesWith({ idle: "24h", absolute: "24h", lockAfter: "1h", aal: 2 }).named("custom").aal).toBe(2);
  });

  test("D2 idle longer than absolute is refused", () => {
    expect(() => policiesWith({ idle: "25h", absolute: "24h" })).toThrow(ConfigError);
    expect(() => policiesWith({ idle: "25h", absolute: "24h" })).toThrow("custom");
  });

  test.each([
    ["idle", { idle: "soon", absolute: "1d" }],
    ["idle", { absolute: "1d" }],
    ["idle", { idle: 900_000, absolute: "1d" }],
    ["idle", { idle: "0s", absolute: "1d" }],
    ["absolute", { idle: "1h", absolute: "never" }],
    ["absolute", { idle: "1h" }],
    ["absolute", { idle: "1h", absolute: Number.POSITIVE_INFINITY }],
    ["touchInterval", { idle: "1h", absolute: "1d", touchInterval: "1" }],
    ["touchInterval", { idle: "1h", absolute: "1d", touchInterval: null }],
  ])("a bad %s is refused by its full name: %o", (option, options) => {
    expect(() => policiesWith(options)).toThrow(ConfigError);
    expect(() => policiesWith(options)).toThrow(`policies.custom.${option}`);
  });

  test("a session that is to last goes under the shortest persistent policy that does, else stays", () => {
    expect(builtIn.lasting("normal", DAY)).toBe("normal");
    expect(builtIn.lasting("normal", DAY + 1)).toBe("rememberMe");
    expect(builtIn.lasting("anonymous", 30 * DAY)).toBe("rememberMe");
    expect(builtIn.lasting("anonymous", 31 * DAY)).toBe("anonymous");
    const own = { ...DEFAULTS.policies, week: { idle: "7d", absolute: "30d", persistent: true } } as const;
    expect(new Policies(own, "normal").lasting("normal", 2 * DAY)).toBe("week");
  });

  test.each(["Normal", "", "__proto__", "constructor", "toString"])("there is no policy %j", (name) => {
    expect(() => builtIn.named(name)).toThrow(ConfigError);
    expect(() => builtIn.named(name)).toThrow(JSON.stringify(name));
    expect(() => builtIn.named(name)).toThrow("rememberMe");
  });

  test("an unknown default is refused by the name of its option", () => {
    expect(() => new Policies(DEFAULTS.policies, "nope")).toThrow(ConfigError);
    expect(() => new Policies(DEFAULTS.policies, "nope")).toThrow("defaultPolicy");
  });
});
