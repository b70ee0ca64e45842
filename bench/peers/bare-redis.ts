/** What there is without a session layer: a client and one command. */

import { randomBytes } from "node:crypto";
import type { LoopedContestant } from "../harness/contestant.ts";
import { bareClient, type Connection } from "../subjects/redis-clients.ts";
import { SESSIONS, sessionData, userId } from "../subjects/session-data.ts";

/** `GET` and `JSON.parse` of what one session keeps. */
export async function getAndParse(to: Connection): Promise<LoopedContestant> {
  const client = await bareClient(to);
  const keys = Array.from({ length: SESSIONS }, () => `sess:${randomBytes(24).toString("base64url")}`);
  await Promise.all(keys.map((key, i) => client.set(key, JSON.stringify({ userId: userId(i), ...sessionData() }))));
  let asked = 0;
  return {
    async operation() {
      const text = await client.get(keys[asked++ % keys.length] ?? "");
      const session = JSON.parse(text ?? "null") as { userId: string } | null;
      if (session === null) throw new Error("a session was not found");
      return session.userId;
    },
    close: async () => client.close(),
  };
}

/** `SET` of what one session keeps, made into JSON. */
export async function setJson({ bytes, ...to }: Connection & { readonly bytes: number }): Promise<LoopedContestant> {
  const client = await bareClient(to);
  const keys = Array.from({ length: SESSIONS }, () => `sess:${randomBytes(24).toString("base64url")}`);
  const data = sessionData(bytes);
  let written = 0;
  return {
    operation: () =>
      client.set(keys[written++ % keys.length] ?? "", JSON.stringify({ ...data, pageSize: written % 100 })),
    close: async () => client.close(),
  };
}
