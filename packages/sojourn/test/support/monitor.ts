/** What a redis-server executes, as `MONITOR` shows it. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ADMIN, type RedisUser } from "./redis-user.ts";

export interface MonitoredCommand {
  readonly words: readonly string[];
  /** Sent by a client, not called by a script. */
  readonly fromClient: boolean;
  readonly line: string;
}

/** `1700000000.000000 [0 127.0.0.1:5000] "GET" "key"`; `lua` in place of the address for a script's own calls. */
const LINE = /^\+[\d.]+ \[\d+ ([^\]]+)\] (.*)$/;

/**
 * Whether a command fetches the cut-offs of `revokeBefore`, which a process does at most once a second, with whatever
 * read comes first: where a test counts the commands of one operation, they belong to the second and not to it.
 */
export function isCutOffFetch({ words }: MonitoredCommand): boolean {
  return words[0]?.toUpperCase() === "GET" && words[1]?.endsWith(":k") === true;
}

/**
 * Whether a process sends it for itself, to open a connection, to hear of changes or to learn what server it has, whenever
 * it gets to it: where a test counts the commands of one operation, it is none of them. What scripts publish is theirs.
 */
export function isOfTheProcess({ words, fromClient }: MonitoredCommand): boolean {
  return fromClient && /^(hello|client|info|subscribe|unsubscribe|publish)$/i.test(words[0] ?? "");
}

export class Monitor {
  readonly #socket: Socket;
  #text = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      this.#text += chunk;
    });
  }

  /** @param user null on a server that lets everybody in */
  static async on(port: number, user: RedisUser | null = ADMIN): Promise<Monitor> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const monitor = new Monitor(socket);
    const auth = user === null ? "" : `AUTH ${user.username} ${user.password}\r\n`;
    socket.write(`${auth}MONITOR\r\n`);
    await monitor.#until(user === null ? "+OK\r\n" : "+OK\r\n+OK\r\n");
    return monitor;
  }

  /** Everything executed since the last call; `mark` sends any command with the given text. */
  async taken(mark: (text: string) => Promise<unknown>): Promise<MonitoredCommand[]> {
    const end = `end-${process.hrtime.bigint()}`;
    await mark(end);
    await this.#until(end);
    const lines = this.#text.split("\r\n");
    this.#text = "";
    return lines.flatMap((line) => (line.includes(end) ? [] : parsed(line)));
  }

  stop(): void {
    this.#socket.destroy();
  }

  async #until(text: string): Promise<void> {
    while (!this.#text.includes(text)) await once(this.#socket, "data");
  }
}

function parsed(line: string): MonitoredCommand[] {
  const match = LINE.exec(line);
  if (match === null) return [];
  const words = [...(match[2] ?? "").matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((word) => word[1] ?? "");
  return [{ words, fromClient: match[1] !== "lua", line }];
}
