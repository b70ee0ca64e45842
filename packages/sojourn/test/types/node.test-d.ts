/** What must compile and what must not, of the node:http adapter; checked by `tsc`, never run. */

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import {
  csrf,
  type NodeOptions,
  type NodeStep,
  requireFresh,
  requireRole,
  requireUser,
  type RequestSession,
  type SessionRequest,
  sojourn,
} from "../../src/adapters/node.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { type Equal, holds } from "./claims.ts";

interface Data {
  theme: "dark" | "light";
  visits: number;
}

declare const sessions: Sessions<Data>;
declare const other: RequestSession<Data>;

export function listener(): void {
  const session = sojourn(sessions, { load: "lazy", trustProxy: ["::1"], url: (req) => `https://${req.url}` });
  createServer(
    session.handler(async (req, res) => {
      holds<Equal<typeof req.session, RequestSession<Data>>>();
      if (!(await requireUser()(req, res))) return;
      // @ts-expect-error -- not a value of the field
      await req.session.set("theme", "green");
      // @ts-expect-error -- the adapter's to put there
      req.session = other;
      // @ts-expect-error -- N3: facts are read-only
      req.session.userId = "admin";
      res.end(String(await req.session.increment("visits")));
    }),
  );
  holds<Equal<ReturnType<typeof session.handler>, RequestListener>>();
  const named = sojourn(sessions, { property: "sojourn" });
  named.handler(({ sojourn: { userId } }, res) => res.end(userId));
  // @ts-expect-error -- it stands under the other name
  named.handler(({ session: { userId } }, res) => res.end(userId));
}

/** As connect declares what it takes. */
declare function use(
  middleware: (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => unknown,
): void;

export function middleware(): void {
  use(sojourn(sessions, { onError: "next" }));
  use(requireUser({ redirectTo: "/login" }));
  use(csrf());
  use((req, res) => res.end((req as SessionRequest<Data>).session.data.theme));
  holds<Equal<ReturnType<typeof requireRole>, NodeStep>>();
  // @ts-expect-error -- not a way of loading
  sojourn(sessions, { load: "never" });
  // @ts-expect-error -- the session stands under one of two names
  sojourn(sessions, { property: "sess" });
  // @ts-expect-error -- there is nobody to throw to
  sojourn(sessions, { onError: "throw" });
  // @ts-expect-error -- takes what createSessions answers
  sojourn({});
  // @ts-expect-error -- options are read-only
  (({}) as NodeOptions).load = "lazy";
  // @ts-expect-error -- how fresh it must be is not to be forgotten
  requireFresh({ aal: 2 });
  // @ts-expect-error -- one role
  requireRole(["editor"]);
}
