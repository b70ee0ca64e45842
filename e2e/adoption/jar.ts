/** One browser: its cookies, what it wrote where, and whether it was ever asked to log in again. */

import type { Agent } from "node:http";
import { Browser, type Reply } from "../../packages/sojourn/src/testing/adapter-contract/client.ts";
import type { AppName } from "./apps.ts";

interface Answer {
  readonly by: AppName;
  readonly user: string | null;
  readonly notes: Readonly<Record<string, string>>;
}

export class Jar extends Browser {
  readonly user: string;
  /** Answers as somebody else, or as nobody. */
  forcedLogins = 0;
  /** Names of notes, by the application that took them. */
  readonly written: Readonly<Record<AppName, string[]>> = { old: [], new: [] };
  /** What was written before the session was taken over. */
  #before: readonly string[] | null = null;
  readonly #agent: Agent;

  constructor(origin: string, user: string, agent: Agent) {
    super(origin);
    this.user = user;
    this.#agent = agent;
  }

  get isAdopted(): boolean {
    return this.cookies.has("__Host-Http-sid");
  }

  async logIn(): Promise<void> {
    await this.#ask("POST", `/login?user=${this.user}`);
  }

  async look(): Promise<Answer> {
    const answer = await this.#ask("GET", "/look");
    if (answer.user !== this.user) this.forcedLogins += 1;
    if (this.isAdopted) this.#before ??= [...this.written.old];
    return answer;
  }

  async note(name: string): Promise<void> {
    const { by, user } = await this.#ask("POST", `/note?name=${name}`);
    if (user === this.user) this.written[by].push(name);
    else this.forcedLogins += 1;
    if (this.isAdopted) this.#before ??= [...this.written.old];
  }

  async logOut(): Promise<void> {
    await this.#ask("POST", "/logout");
  }

  /** Notes that the application which answers should have and does not. */
  async missing(): Promise<string[]> {
    const { by, notes } = await this.look();
    const expected = by === "old" ? this.written.old : [...(this.#before ?? this.written.old), ...this.written.new];
    return expected.filter((name) => notes[name] !== "noted");
  }

  /** Notes that the old application took after the take-over: they stay there. */
  get stayedBehind(): number {
    return this.#before === null ? 0 : this.written.old.length - this.#before.length;
  }

  /** The same cookies in a browser of somebody who copied them. */
  thief(): Jar {
    const thief = new Jar(this.origin, this.user, this.#agent);
    for (const [name, value] of this.cookies) thief.cookies.set(name, value);
    return thief;
  }

  async #ask(method: string, path: string): Promise<Answer> {
    const reply = await this.#sent(method, path);
    if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.status} ${reply.body}`);
    return JSON.parse(reply.body) as Answer;
  }

  /** On a connection that nginx closes as the request comes it is sent again, on a new one, as browsers do. */
  async #sent(method: string, path: string): Promise<Reply> {
    const init = { method, headers: { "Sec-Fetch-Site": "same-origin" } };
    try {
      return await this.send(path, { ...init, agent: this.#agent });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
      return this.send(path, init);
    }
  }
}
