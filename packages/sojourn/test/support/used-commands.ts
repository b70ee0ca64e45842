/**
 * Which commands a server is sent by anybody but its administrators, as `MONITOR` shows them: what a script calls follows
 * the line of whoever ran it. Held against the rights of the published user, it shows one that nobody needs.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { RedisServer, TestClient } from "./redis-server.ts";
import { ADMIN, RULES } from "./redis-user.ts";
import { until } from "./until.ts";

/** The published user's commands, in small letters: `get`, `client|setname`. */
export const GRANTED: readonly string[] = RULES.filter((rule) => rule.startsWith("+")).map((rule) => rule.slice(1));

const LINE = /^\+[\d.]+ \[\d+ ([^\]]+)\] "([^"]+)"(?: "([^"]*)")?/;

export class UsedCommands {
  readonly #socket: Socket;
  readonly #admin: TestClient;
  readonly #admins: ReadonlySet<string>;
  readonly #used = new Set<string>();
  #isAdmins = false;
  #rest = "";
  #mark = "";

  private constructor(socket: Socket, admin: TestClient, admins: ReadonlySet<string>) {
    this.#socket = socket;
    this.#admin = admin;
    this.#admins = admins;
    socket.on("error", () => undefined);
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      const lines = (this.#rest + chunk).split("\r\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#read(line);
    });
  }

  /** @param others the administrators' clients, whose commands do not count */
  static async on(server: RedisServer, others: readonly TestClient[]): Promise<UsedCommands> {
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    const admin = await server.admin();
    const admins = [admin, ...others];
    const told = await Promise.all(admins.map((each) => each.sendCommand<string>(["CLIENT", "INFO"])));
    const addresses = told.map((info) => / addr=(\S+)/.exec(info)?.[1] ?? "");
    const used = new UsedCommands(socket, admin, new Set(addresses));
    socket.write(`AUTH ${ADMIN.username} ${ADMIN.password}\r\nMONITOR\r\n`);
    await used.#seen();
    return used;
  }

  /** All so far; of a command with subcommands both `xgroup` and `xgroup|create`. */
  async soFar(): Promise<ReadonlySet<string>> {
    await this.#seen();
    return this.#used;
  }

  stop(): void {
    this.#socket.destroy();
  }

  async #seen(): Promise<void> {
    const mark = `mark-${process.hrtime.bigint()}`;
    await until(async () => {
      if (this.#mark !== mark) await this.#admin.echo(mark);
      return this.#mark === mark;
    });
  }

  #read(line: string): void {
    const [, from = "", command = "", first = ""] = LINE.exec(line) ?? [];
    if (command === "") return;
    if (from !== "lua") this.#isAdmins = this.#admins.has(from);
    if (first.startsWith("mark-")) this.#mark = first;
    if (this.#isAdmins) return;
    const name = command.toLowerCase();
    this.#used.add(name).add(`${name}|${first.toLowerCase()}`);
  }
}

/** What the server denied to the published user, as in `config|get` or `sojourn:c`. */
export async function deniedBy(admin: TestClient): Promise<string[]> {
  const log = await admin.sendCommand<Record<string, unknown>[] | unknown[][]>(["ACL", "LOG"]);
  return log.map((entry) => {
    const entries = Array.isArray(entry) ? new Map(pairsOf(entry)) : new Map(Object.entries(entry));
    return String(entries.get("object"));
  });
}

function pairsOf(flat: readonly unknown[]): [string, unknown][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[String(name), flat[i + 1]] as [string, unknown]] : []));
}
