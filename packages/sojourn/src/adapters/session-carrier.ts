/** What `req.session` asks of the exchange that carries it. */

import type { AdapterHost } from "../lifecycle/host.ts";
import type { Session } from "../lifecycle/session.ts";
import type { RequestClient } from "./request-client.ts";

/** How the client keeps its token: in the session cookie, or by itself, sent as `Authorization: Bearer`. */
export type Transport = "cookie" | "header";

/** What the adapter's exchange does for the request's session. @internal */
export interface SessionCarrier {
  readonly headersSent: boolean;
  /** What may be stored: refuses before anything is begun or sent. */
  readonly fields: AdapterHost["fields"];
  /** Runs a write that the response waits for; `late` is true when it has begun already. */
  writing<T>(work: (late: boolean) => Promise<T>): Promise<T>;
  /** Where the token came in and where one goes out. */
  readonly transport: Transport;
  useTransport(transport: Transport): void;
  /** The token issued by this request for the header transport. */
  readonly issuedToken: string | null;
  /** The genuine token that came in or was issued since, if any. */
  readonly token: string | null;
  /** The session of the application that was here before, if one came. */
  readonly adopting: { end(): Promise<void> } | null;
  /** What the request says of its client. */
  readonly client: RequestClient;
  /** A session began, or its token was superseded: the client is to get this token with the response. */
  issued(token: string, session: Session<never>): void;
  /** The same session under a newer token: the client is to get it unless the response is held back for long. */
  renewed(token: string, session: Session<never>): void;
  /** The client's cookie is to be removed with the response. */
  removed(): void;
  /** The response depends on the session from now on. */
  accessed(): void;
  load(): Promise<void>;
}

/** Where the carrier is found once something is asked of it. @internal */
export interface Carried {
  readonly exchange: SessionCarrier;
}
