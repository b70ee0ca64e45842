/** A slot of a cluster on its way from its primary to another one, step by step, as `redis-cli --cluster reshard` does it. */

import { slotOf } from "../../src/stores/redis/slots.ts";
import type { RedisCluster } from "./redis-cluster.ts";
import type { TestClient } from "./redis-server.ts";
import { ADMIN } from "./redis-user.ts";

interface Node {
  readonly admin: TestClient;
  readonly id: string;
  readonly port: number;
}

type Shard = [from: number, to: number, primary: [host: string, port: number, id: string]];

export class SlotMove {
  readonly #slot: string;
  readonly #from: Node;
  readonly #to: Node;
  readonly #primaries: readonly Node[];

  private constructor(slot: number, from: Node, to: Node, primaries: readonly Node[]) {
    this.#slot = String(slot);
    this.#from = from;
    this.#to = to;
    this.#primaries = primaries;
  }

  /** Of the slot of a key, from the primary that has it. */
  static async of(cluster: RedisCluster, key: string): Promise<SlotMove> {
    const primaries = await Promise.all((await cluster.primaries()).map((admin) => nodeOf(cluster, admin)));
    const owner = await ownerOf(cluster, key);
    const from = primaries.find(({ id }) => id === owner);
    const to = primaries.find(({ id }) => id !== owner);
    if (from === undefined || to === undefined) throw new Error("no primaries");
    return new SlotMove(slotOf(key), from, to, primaries);
  }

  async begin(): Promise<void> {
    await this.#to.admin.sendCommand(["CLUSTER", "SETSLOT", this.#slot, "IMPORTING", this.#from.id]);
    await this.#from.admin.sendCommand(["CLUSTER", "SETSLOT", this.#slot, "MIGRATING", this.#to.id]);
  }

  /** Everything that is in it now. */
  async moveKeys(): Promise<number> {
    const keys = await this.#from.admin.sendCommand<string[]>(["CLUSTER", "GETKEYSINSLOT", this.#slot, "10000"]);
    const to = ["127.0.0.1", String(this.#to.port), "", "0", "5000", "AUTH2", ADMIN.username, ADMIN.password];
    if (keys.length > 0) await this.#from.admin.sendCommand(["MIGRATE", ...to, "KEYS", ...keys]);
    return keys.length;
  }

  async finish(): Promise<void> {
    await this.moveKeys();
    const others = this.#primaries.filter(({ id }) => id !== this.#to.id);
    for (const { admin } of [this.#to, ...others])
      await admin.sendCommand(["CLUSTER", "SETSLOT", this.#slot, "NODE", this.#to.id]);
  }
}

/** The id of the primary that has the key's slot. */
export async function ownerOf(cluster: RedisCluster, key: string): Promise<string> {
  const shards = (await cluster.admins[0]?.sendCommand<Shard[]>(["CLUSTER", "SLOTS"])) ?? [];
  const slot = slotOf(key);
  return shards.find(([from, to]) => from <= slot && slot <= to)?.[2][2] ?? "";
}

async function nodeOf(cluster: RedisCluster, admin: TestClient): Promise<Node> {
  const id = await admin.sendCommand<string>(["CLUSTER", "MYID"]);
  return { admin, id, port: cluster.servers[cluster.admins.indexOf(admin)]?.port ?? 0 };
}
