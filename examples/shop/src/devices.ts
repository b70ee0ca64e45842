import Bowser from "bowser";

export type DeviceKind = "desktop" | "phone" | "tablet" | "tool" | "unknown";

/** A user agent in words that a person recognises. */
export interface DeviceDescription {
  readonly kind: DeviceKind;
  /** `"Firefox 140"`, `"curl 8.5"`, `"Unknown browser"`. */
  readonly browser: string;
  /** `"macOS"`, `"Android"`, or null when the user agent does not say. */
  readonly system: string | null;
}

const kinds: Readonly<Record<string, DeviceKind>> = {
  desktop: "desktop",
  mobile: "phone",
  tablet: "tablet",
  bot: "tool",
};

/** Names browser and system. A user agent is only a claim: show it, decide nothing by it. */
export function describeDevice(userAgent: string | undefined): DeviceDescription {
  if (userAgent === undefined || userAgent.trim() === "") return unknownDevice;
  const { browser, os, platform } = Bowser.parse(userAgent);
  if (!browser.name) return describeTool(userAgent);
  return {
    kind: kinds[platform.type ?? ""] ?? "unknown",
    browser: withVersion(browser.name, browser.version, 1),
    system: os.name ?? null,
  };
}

const unknownDevice: DeviceDescription = { kind: "unknown", browser: "Unknown browser", system: null };

/** Tools and bots name themselves first: `curl/8.5.0`, `python-requests/2.32`. */
function describeTool(userAgent: string): DeviceDescription {
  const [, name, version] = /^([\w.-]{1,40})(?:\/([\d.]{1,20}))?/.exec(userAgent) ?? [];
  if (name === undefined || name === "Mozilla") return unknownDevice;
  return { kind: "tool", browser: withVersion(name, version, 2), system: null };
}

function withVersion(name: string, version: string | undefined, parts: number): string {
  const shortened = version?.split(".").slice(0, parts).join(".");
  return shortened ? `${name} ${shortened}` : name;
}
