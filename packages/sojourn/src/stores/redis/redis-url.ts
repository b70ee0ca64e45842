/** `redis://…`, `redis+sentinel://…`, `redis+cluster://…`, and the same with TLS: `rediss://…` and so on. */

import { ConfigError } from "../../errors.ts";

export interface RedisUrl {
  readonly topology: "server" | "sentinel" | "cluster";
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** What the Sentinels call the primary. */
  readonly name: string;
  readonly database: number;
}

const DEFAULT_PORTS = { server: 6379, sentinel: 26_379, cluster: 6379 } as const;
const EXAMPLES = {
  server: "redis://user:password@host:6379/0",
  sentinel: "redis+sentinel://user:password@host1:26379,host2:26379/mymaster/0",
  cluster: "redis+cluster://user:password@host1:6379,host2:6379",
} as const;
const PARTS = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:(.*)@)?([^/?#@]*)\/?([^?#]*)$/is;

/** @throws ConfigError that says what is wrong, and nothing of what stands in the URL */
export function parsedRedisUrl(url: string): RedisUrl {
  const [, s, named, user, hosts, path = ""] = PARTS.exec(url) ?? [];
  const topology = (named?.toLowerCase() ?? "server") as RedisUrl["topology"];
  const unreadable = (why: string): ConfigError =>
    new ConfigError(`The Redis URL cannot be read: ${why} ${EXAMPLES[topology]}.`);
  const nodes = hosts?.split(",").map((host) => URL.parse(`http://${host}`));
  if (!nodes?.every((node) => node !== null && node.hostname !== "") || hosts === "") {
    throw unreadable("it must look like");
  }
  if (topology === "server" && nodes.length > 1)
    throw unreadable("several hosts need redis+sentinel: or redis+cluster:, one is");
  const credentials = credentialsOf(user);
  if (credentials === null) throw unreadable("user and password must be percent-encoded (% is %25), as in");
  const [name = "", database = ""] = topology === "sentinel" ? path.split("/") : ["", path];
  if (topology === "sentinel" && name === "")
    throw unreadable("its path must begin with the Sentinels' name of the primary, as in");
  if (topology === "cluster" && path !== "") throw unreadable("a cluster has no databases and its URL no path, as in");
  if (!/^\d*$/.test(database)) throw unreadable("its path must be the number of a database, as in");
  return {
    topology,
    tls: s !== "",
    ...credentials,
    nodes: nodes.map((node, i) => ({
      host: (node?.hostname ?? "").replace(/^\[|\]$/g, ""),
      // http's own port is not written in what is parsed.
      port: Number(/:(\d+)$/.exec(hosts?.split(",")[i] ?? "")?.[1] ?? DEFAULT_PORTS[topology]),
    })),
    name,
    database: Number(database),
  };
}

function credentialsOf(text: string | undefined): { username?: string; password?: string } | null {
  if (text === undefined) return {};
  const at = text.indexOf(":");
  try {
    const username = decodeURIComponent(at < 0 ? text : text.slice(0, at));
    const password = at < 0 ? "" : decodeURIComponent(text.slice(at + 1));
    return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
  } catch {
    return null;
  }
}
