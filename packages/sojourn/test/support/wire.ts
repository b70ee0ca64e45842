import type { Argument } from "../../src/stores/redis/driver.ts";
import type { NodeRedisClient } from "../../src/stores/redis/drivers/node-redis.ts";
import { SCRIPTS, type ScriptName } from "../../src/stores/redis/scripts.generated.ts";
import type { TestClient } from "./redis-server.ts";

/** A client that shows what is sent, and does something before. */
export class Wire implements NodeRedisClient {
  readonly isOpen = true;
  readonly isReady = true;
  readonly sent: string[] = [];
  /** Runs before the command goes out, which waits for it and fails with it. */
  before: (words: readonly string[]) => Promise<void> | undefined = () => undefined;
  /** Answers a command in place of the server. */
  answer: (words: readonly string[]) => Promise<unknown> | undefined = () => undefined;
  /** Holds the reply to a command back. */
  after: (words: readonly string[], reply: unknown) => Promise<void> | undefined = () => undefined;
  readonly #client: TestClient;

  constructor(client: TestClient) {
    this.#client = client;
  }

  async sendCommand(args: readonly Argument[], options?: object): Promise<unknown> {
    const words = args.map(String);
    this.sent.push(words.slice(0, 2).join(" "));
    const hold = this.before(words);
    if (hold !== undefined) await hold;
    const reply: unknown = await (this.answer(words) ?? this.#client.sendCommand([...args], options));
    await this.after(words, reply);
    return reply;
  }
}

export function isScript(words: readonly string[], name: ScriptName): boolean {
  return words[1] === SCRIPTS[name].sha1;
}
