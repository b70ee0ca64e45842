/** Several redis-servers that are one: primaries and their replicas. */

import { ageRedisKeys } from "../../src/testing/manual-clock.ts";
import type { RedisServer, TestClient, Tls } from "./redis-server.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** TLS between clients, servers and Sentinels alike. */
export interface Security {
  readonly server: Tls;
  /** For redis-cli. */
  readonly client: readonly string[];
}

export abstract class ServerGroup {
  readonly servers: readonly RedisServer[];
  /** Of each server, for looking at it. */
  readonly admins: readonly TestClient[];

  constructor(servers: readonly RedisServer[], admins: readonly TestClient[]) {
    this.servers = servers;
    this.admins = admins;
  }

  /** Where a client begins. */
  abstract get nodes(): Address[];

  /** A replica becomes primary in an orderly way. */
  abstract switchOver(): Promise<void>;

  async primaries(): Promise<TestClient[]> {
    return this.#inRole("master");
  }

  async replicas(): Promise<TestClient[]> {
    return this.#inRole("slave");
  }

  async flush(): Promise<void> {
    await Promise.all((await this.primaries()).map((admin) => admin.flushAll()));
  }

  /** Keys of every primary grow older. */
  async age(ms: number): Promise<void> {
    await Promise.all((await this.primaries()).map((admin) => ageRedisKeys(admin)(ms)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async #inRole(role: string): Promise<TestClient[]> {
    const told = await Promise.all(this.admins.map((admin) => admin.info("replication")));
    return this.admins.filter((_admin, i) => told[i]?.includes(`role:${role}`));
  }
}

export function addressesOf(
  servers: readonly { readonly port: number; readonly tlsPort?: number | undefined }[],
): Address[] {
  return servers.map(({ port, tlsPort }) => ({ host: "127.0.0.1", port: tlsPort ?? port }));
}
