/** A proxy to one server and then to another, as an address that follows the primary; or one that forwards nothing more. */

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class MovingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target: number;
  #isMute = false;
  #isMuteForReplicas = false;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#link(client, connect(this.#target, "127.0.0.1")));
  }

  static async before(port: number): Promise<MovingProxy> {
    const proxy = new MovingProxy(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** New connections go there; those that are open break. */
  moveTo(port: number): void {
    this.#target = port;
    this.cut();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing passes any more, and nobody is told. */
  mute(): void {
    this.#isMute = true;
  }

  /** What the server writes no longer reaches those that have asked it for a copy, and nobody is told. */
  muteReplicas(): void {
    this.#isMuteForReplicas = true;
  }

  /** All is as before, over new connections: what was sent meanwhile is lost. */
  heal(): void {
    this.#isMute = false;
    this.#isMuteForReplicas = false;
    this.cut();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #link(client: Socket, server: Socket): void {
    let isReplica = false;
    client.on("data", (bytes: Buffer) => {
      isReplica ||= bytes.includes("PSYNC");
    });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true).on("error", () => undefined);
      from.on("data", (bytes: Buffer) => {
        if (!this.#isMute && !(isReplica && this.#isMuteForReplicas)) to.write(bytes);
      });
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
