/** The Redis user that deploy/redis/users.acl publishes, with a password of the tests. */

import { readFileSync } from "node:fs";

export const USER = { username: "sojourn", password: "pass:word@with%25" } as const;
const published = readFileSync(new URL("../../../../deploy/redis/users.acl", import.meta.url), "utf8");
/** Its rules, in the words of `ACL SETUSER`. */
export const RULES: readonly string[] = published.trim().replace("user sojourn off resetpass ", "").split(" ");

/** On the command line of a server. */
export const WITH_USER: readonly string[] = ["--user", USER.username, "on", `>${USER.password}`, ...RULES];

/** As a part of a URL. */
export const IN_URL = `${USER.username}:${encodeURIComponent(USER.password)}`;
