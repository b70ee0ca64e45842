/** The installed Chromium, driven by playwright-core. Which executable: as in tools/setup/chromium.mjs. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type LaunchOptions } from "playwright-core";

/** Starts a browser without a profile: every context is a device of its own. */
export function startChromium(): Promise<Browser> {
  return chromium.launch(options());
}

/** One device whose profile outlives it: started again on the same folder, it has what a browser keeps on disk. */
export function startChromiumOn(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, options());
}

function options(): LaunchOptions {
  return {
    executablePath: executable(),
    args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync"],
  };
}

function executable(): string {
  const name = process.env["CHROMIUM"] || "chromium";
  if (/[/\\]/.test(name)) return name;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`No ${name} on PATH: \`npm test\` installs it, or says how.`);
  return found;
}
