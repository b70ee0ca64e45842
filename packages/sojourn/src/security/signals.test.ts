import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { browserOf, differs, isTelling, languageOf, platformOf } from "./signals.ts";

/** [name, user agent, browser, platform]. */
const AGENTS: readonly (readonly [string, string, string | null, string | null])[] = [
  [
    "Chrome on Windows",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "chrome",
    "windows",
  ],
  [
    "Chrome, updated",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "chrome",
    "windows",
  ],
  [
    "Edge",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
    "edge",
    "windows",
  ],
  [
    "Opera",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36 OPR/119.0.0.0",
    "opera",
    "unix",
  ],
  ["Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "firefox", "unix"],
  [
    "Safari on a Mac",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "safari",
    "apple",
  ],
  [
    "Safari on an iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "safari",
    "apple",
  ],
  [
    "Chrome on an iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0.7204.119 Mobile/15E148 Safari/604.1",
    "chrome",
    "apple",
  ],
  [
    "Chrome on Android",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
    "chrome",
    "unix",
  ],
  [
    "Chrome on Android, desktop site",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "chrome",
    "unix",
  ],
  [
    "Samsung",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
    "samsung",
    "unix",
  ],
  ["curl", "curl/8.14.1", "curl", null],
  ["an application", "ShopApp/4.2 (iPhone; iOS 18.5)", "shopapp", "apple"],
  ["nothing", "", null, null],
];

describe("K1: what a user agent is taken for", () => {
  test.each(AGENTS)("%s", (_name, userAgent, browser, platform) => {
    expect([browserOf(userAgent), platformOf(userAgent)]).toEqual([browser, platform]);
  });

  test("the languages that a client likes best", () => {
    const headers = ["en-GB,en;q=0.9,de;q=0.8", "EN", " de-CH", "*", "", "x"];
    expect(headers.map(languageOf)).toEqual(["en", "en", "de", null, null, null]);
  });

  test("M3: any header, however long, is read in a moment and throws nothing", () => {
    fc.assert(
      fc.property(fc.string(), (text) => [browserOf, platformOf, languageOf].every((read) => read(text) !== "")),
    );
    const long = "Version/ ".repeat(20_000);
    const before = process.hrtime.bigint();
    for (const read of [browserOf, platformOf, languageOf]) read(long);
    expect(Number(process.hrtime.bigint() - before) / 1e6).toBeLessThan(500);
  });
});

describe("K1: what counts as a difference", () => {
  test("what is not known on either side is not compared; a client that falls silent differs", () => {
    expect(differs(undefined, "curl/8", browserOf)).toBe(false);
    expect(differs("curl/8", undefined, browserOf)).toBe(false);
    expect(differs("curl/8", "curl/9", browserOf)).toBe(false);
    expect(differs("curl/8", null, browserOf)).toBe(true);
    expect(differs("", null, browserOf)).toBe(false);
  });

  test("another network or language alone is not telling", () => {
    expect(isTelling([])).toBe(false);
    expect(isTelling(["network", "language"])).toBe(false);
    for (const signal of ["fingerprint", "browser", "platform"] as const)
      expect(isTelling([signal, "network"])).toBe(true);
  });
});
