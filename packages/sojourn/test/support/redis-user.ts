/** Who a test's server knows: the user that deploy/redis/users.acl publishes, and another to look at it and to administer it. */

import { readFileSync } from "node:fs";

export interface RedisUser {
  readonly username: string;
  readonly password: string;
}

export const USER: RedisUser = { username: "sojourn", password: "pass:word@with%25" };
/** For what the library never sends: `FLUSHALL`, `MONITOR`, `DEBUG`, `CONFIG`, ageing keys; replicas and Sentinels too. */
export const ADMIN: RedisUser = { username: "admin", password: "administers" };

const published = readFileSync(new URL("../../../../deploy/redis/users.acl", import.meta.url), "utf8");
const EVERYTHING = ["~*", "&*", "+@all"];
/** The published user's rules, in the words of `ACL SETUSER`. */
export const RULES: readonly string[] = published.trim().replace("user sojourn off resetpass ", "").split(" ");

/**
 * On the command line of a server: nobody else gets in. The default user is off and keeps its rights, for with them
 * Redis loads its append-only file: docs/reference/redis.md.
 * @param allowed more that the published user may do
 */
export function users(allowed: readonly string[], defaultMay: readonly string[] = EVERYTHING): string[] {
  return [
    ["--user", "default", "off", ...defaultMay],
    ["--user", USER.username, "on", `>${USER.password}`, ...RULES, ...allowed],
    ["--user", ADMIN.username, "on", `>${ADMIN.password}`, ...EVERYTHING],
    ["--masteruser", ADMIN.username, "--masterauth", ADMIN.password],
  ].flat();
}

/** What the published user needs in place of the namespace "sojourn", or beside it. */
export function inNamespace(name: string): string[] {
  return [`~${name}:*`, `&${name}:*`];
}

/** As a part of a URL. */
export const IN_URL = `${USER.username}:${encodeURIComponent(USER.password)}`;

/** For redis-cli. */
export const AS_ADMIN: readonly string[] = ["--no-auth-warning", "--user", ADMIN.username, "--pass", ADMIN.password];
