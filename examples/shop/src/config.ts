import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

export interface Config {
  readonly host: string;
  /** Where to start looking for a free port. */
  readonly port: number;
  /** For `openStore`. */
  readonly storeUrl: string;
  /** The same for people: without credentials, short. */
  readonly storeName: string;
  readonly secret: string;
  readonly development: boolean;
}

/** Something that whoever starts the shop can put right; the message says what, in one sentence. */
export class StartError extends Error {}

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const redisUrl = /^redis(s|\+\w+)?:\/\/./i;

/** Reads PORT, HOST, REDIS_URL, SHOP_DATA, SOJOURN_SECRET and NODE_ENV; makes the data folder and the secret when they are not there. */
export async function readConfig(env: NodeJS.ProcessEnv): Promise<Config> {
  const folder = resolve(env["SHOP_DATA"] || join(repository, ".sojourn"));
  const store = env["REDIS_URL"] ? redisStore(env["REDIS_URL"]) : sqliteStore(folder);
  const port = portOf(env["PORT"] || "3000");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    host: env["HOST"] || "127.0.0.1",
    port,
    ...store,
    secret: env["SOJOURN_SECRET"] || (await keptSecret(join(folder, "secret"))),
    development: env["NODE_ENV"] !== "production",
  };
}

function sqliteStore(folder: string): Pick<Config, "storeUrl" | "storeName"> {
  const file = join(folder, "shop.db");
  return {
    storeUrl: `sqlite:${file}`,
    storeName: `sqlite (${file.startsWith(repository) ? relative(repository, file).replaceAll(sep, "/") : file})`,
  };
}

function redisStore(url: string): Pick<Config, "storeUrl" | "storeName"> {
  // The address itself stays out of the message: it may hold a password.
  if (!redisUrl.test(url)) {
    throw new StartError("REDIS_URL has to look like redis://host:6379, or rediss://host:6380 for TLS.");
  }
  const hosts = url.replace(/^[^:]+:\/\/(?:[^/]*@)?/, "").replace(/[/?#].*$/, "");
  return { storeUrl: url, storeName: `redis (${hosts})` };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new StartError(`PORT has to be a number from 0 to 65535, not ${JSON.stringify(text)}.`);
}

/** The secret in the file; made on the first start, readable by its owner only. */
async function keptSecret(file: string): Promise<string> {
  const existing = await readSecret(file);
  if (existing !== null) return existing;
  // Linked into place when complete: of two shops started at once, both end up with the same whole secret.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    await link(draft, file);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    await rm(draft);
  }
  return (await readSecret(file)) ?? keptSecret(file);
}

/** null when there is no such file yet. */
async function readSecret(file: string): Promise<string | null> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  });
  const secret = text === null ? null : text.trim();
  if (secret === "")
    throw new StartError(`The file ${file} is empty: delete it, and the next start makes a new secret.`);
  return secret;
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
