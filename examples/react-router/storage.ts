/** React Router's sessions, kept by Sojourn. */

import { type Cookie, createSessionStorage, isCookie, type Session, type SessionStorage } from "react-router";
import type { LoginInput, Sessions } from "sojourn";

type Fields = Record<string, unknown>;

export interface SojournStorage extends SessionStorage<Fields, Fields> {
  /** For an action that logs in: the Set-Cookie header of a new session, in place of the one that the request came with. */
  logIn(cookieHeader: string | null, input: LoginInput): Promise<string>;
}

/**
 * What `createSessionStorage` of React Router answers. In the cookie, which needs no secrets of its own, is Sojourn's token.
 * A commit writes the fields that its request changed and leaves the others as they are by then; when the session has
 * ended meanwhile it throws a response, 401, and writes nothing.
 */
export function createSojournStorage(sessions: Sessions, cookie: Cookie): SojournStorage {
  if (!isCookie(cookie)) throw new TypeError("createSojournStorage takes what createCookie() answered.");
  const storage = createSessionStorage<Fields, Fields>({
    cookie,
    createData: async (data) => (await sessions.create({ data })).token,
    readData: async (token) => {
      const result = await sessions.validate(token);
      return result.valid ? { ...result.session.data } : null;
    },
    updateData: (token, data) => change(token, {}, data),
    deleteData: async (token) => void (await sessions.logout(token)),
  });
  const read = new WeakMap<Session<Fields, Fields>, Fields>();

  async function change(token: string, before: Fields, after: Fields): Promise<void> {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    const changed = [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
    if (changed.length === 0) return;
    const result = await sessions.validate(token, { touch: false });
    if (!result.valid) throw new Response("The session has ended.", { status: 401 });
    await result.session.update((draft) => {
      for (const name of changed) draft[name] = after[name];
    });
  }

  return {
    getSession: async (header, options) => {
      const session = await storage.getSession(header, options);
      read.set(session, structuredClone(session.data));
      return session;
    },
    commitSession: async (session, options) => {
      const before = read.get(session);
      if (session.id === "" || before === undefined) return storage.commitSession(session, options);
      await change(session.id, before, session.data);
      return cookie.serialize(session.id, options);
    },
    destroySession: (session, options) => storage.destroySession(session, options),
    logIn: async (header, input) => {
      const { token } = await sessions.login(await cookie.parse(header), input);
      return cookie.serialize(token);
    },
  };
}
