/** Single calls of the library, over and over. */

import { randomBytes } from "node:crypto";
import { createSessions, type Sessions } from "sojourn";
import { redisStore } from "sojourn/redis";
import type { LoopedContestant } from "../harness/contestant.ts";
import { type Connection, PATIENT, sojournClient } from "./redis-clients.ts";
import { SESSIONS, type SessionData, sessionData, userId } from "./session-data.ts";

interface Parameters extends Connection {
  readonly namespace: string;
  readonly nearCache?: boolean;
  readonly bytes?: number;
}

interface Opened {
  readonly sessions: Sessions<SessionData>;
  readonly created: readonly { readonly token: string; readonly id: string }[];
  readonly close: () => Promise<void>;
}

async function open({ namespace, nearCache = false, bytes, ...to }: Parameters): Promise<Opened> {
  const { client, close } = await sojournClient(to);
  const sessions: Sessions<SessionData> = createSessions<SessionData>({
    store: redisStore(client, { namespace, nearCache, deadline: PATIENT }),
    secrets: [randomBytes(32).toString("base64url")],
    background: false,
  });
  const created: { token: string; id: string }[] = [];
  for (let n = 0; n < SESSIONS; n++) {
    const { token, session } = await sessions.create({ userId: userId(n), data: sessionData(bytes) });
    created.push({ token, id: session.id });
  }
  return {
    sessions,
    created,
    async close() {
      await sessions.close();
      close();
    },
  };
}

/** `validate` and the user's id. */
export async function validateUserId(parameters: Parameters): Promise<LoopedContestant> {
  const { sessions, created, close } = await open(parameters);
  let asked = 0;
  return {
    async operation() {
      const answer = await sessions.validate(created[asked++ % SESSIONS]?.token);
      if (!answer.valid) throw new Error(`a session was ${answer.reason}`);
      return answer.session.userId;
    },
    close,
  };
}

/** `validate` and the data. */
export async function validateData(parameters: Parameters): Promise<LoopedContestant> {
  const { sessions, created, close } = await open(parameters);
  let asked = 0;
  return {
    async operation() {
      const answer = await sessions.validate(created[asked++ % SESSIONS]?.token);
      if (!answer.valid) throw new Error(`a session was ${answer.reason}`);
      return answer.session.data.name;
    },
    close,
  };
}

/** Stores one field of a session. */
export async function writeField(parameters: Parameters): Promise<LoopedContestant> {
  const { sessions, created, close } = await open(parameters);
  let written = 0;
  return {
    async operation() {
      const id = created[written++ % SESSIONS]?.id ?? "";
      if (!(await sessions.data(id).set("pageSize", written % 100))) throw new Error("a session was not found");
    },
    close,
  };
}
