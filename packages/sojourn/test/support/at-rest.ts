/** What a redis-server keeps of what it was told, wherever somebody might find it. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MonitoredCommand } from "./monitor.ts";
import type { RedisServer } from "./redis-server.ts";

/** Settings of a server that keeps everything: append-only file, slow log of every command, dumps that are not packed. */
export const KEEPS_EVERYTHING = [
  "--appendonly yes",
  "--rdbcompression no",
  "--slowlog-log-slower-than 0",
  "--slowlog-max-len 100000",
].flatMap((setting) => setting.split(" "));

/** Dump, append-only files and slow log. */
export async function atRestIn(redis: RedisServer): Promise<Buffer> {
  const client = await redis.admin();
  const slowlog = await client.sendCommand(["SLOWLOG", "GET", "-1"], { typeMapping: { 36: Buffer } });
  await client.sendCommand(["BGSAVE"]);
  while (!(await client.info("persistence")).includes("rdb_bgsave_in_progress:0")) await sleep(20);
  const files = await readdir(redis.folder, { recursive: true, withFileTypes: true });
  const contents = files.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name)));
  return Buffer.concat([...(await Promise.all(contents)), ...buffersIn(slowlog)]);
}

function buffersIn(reply: unknown): Buffer[] {
  if (Array.isArray(reply)) return reply.flatMap(buffersIn);
  return Buffer.isBuffer(reply) ? [reply] : [];
}

/** What MONITOR showed: its words as the bytes that were sent. */
export function heardIn(commands: readonly MonitoredCommand[]): Buffer {
  return Buffer.concat(commands.flatMap(({ words }) => words.map(unescaped)));
}

const ESCAPED = /\\(?:x([0-9a-f]{2})|(.))/gs;
const NAMED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b" };

function unescaped(word: string): Buffer {
  const text = word.replaceAll(ESCAPED, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (NAMED[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(text, "latin1");
}
