/** Sessions over a watched store, for the tests of one adapter. */

import { createSessions, memoryStore, type Sessions } from "../../src/index.ts";
import { COOKIE, SECRET } from "./express-site.ts";
import { WatchedStore } from "./watched-store.ts";

export interface WatchedSessions {
  readonly sessions: Sessions;
  readonly store: WatchedStore;
  readonly log: string[];
  /** The Cookie header of ada, logged in. */
  cookie(): Promise<Record<"Cookie", string>>;
}

export function watchedSessions(): WatchedSessions {
  const store = new WatchedStore(memoryStore());
  const log: string[] = [];
  const sessions = createSessions({ store: store.store, secrets: [SECRET], log: (line) => log.push(line) });
  const cookie = async (): Promise<Record<"Cookie", string>> => {
    const { token } = await sessions.create({ userId: "ada" });
    return { Cookie: `${COOKIE}=${token}` };
  };
  return { sessions, store, log, cookie };
}

/** What a browser says of a POST that its own page sends. */
export const OWN_PAGE = { "Sec-Fetch-Site": "same-origin" };
