/**
 * WebSockets: whoever opens one is asked for the session's cookie in the handshake, and the socket closes when the
 * session ends, on whatever server it is ended.
 *
 * Browsers send cookies with a handshake to any site, and no preflight asks before: a page elsewhere could open a
 * socket in the user's name and read what comes (cross-site WebSocket hijacking). So the handshake, a GET by name, is
 * held to the cross-site check of unsafe requests (ASVS 4.4.2; rows F7, H7).
 */

import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { CrossSiteRequestError, LoginRequiredError, SojournError } from "../errors.ts";
import type { DataObject } from "../data/draft.ts";
import type { Session } from "../lifecycle/session.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import type { SessionEnd } from "../lifecycle/watching.ts";
import { Exchange } from "./exchange.ts";
import { type AdapterOptions, ExchangeRules } from "./exchange-rules.ts";
import { type Requirement, userRequired } from "./guards.ts";
import { type DirectOptions, DirectRequest } from "./node-request.ts";
import type { ResponseView } from "./views.ts";

export interface WebSocketOptions
  extends Pick<AdapterOptions, "origins" | "allowSameSite" | "originCheck" | "trustProxy">,
    Omit<DirectOptions, "onUnavailable"> {
  /** Also lets in visitors whose session has no user. Without a session nobody is let in. Default false. */
  readonly anonymous?: boolean;
}

/** What is used of a socket; those of the package ws have it. */
export interface ClosableSocket {
  close(code: number, reason: string): void;
  once(event: "close", listener: () => void): unknown;
  /** Cuts the connection. */
  terminate?(): void;
  emit?(event: string, ...args: unknown[]): boolean;
}

/** What is used of a server; `new WebSocketServer({ noServer: true })` of the package ws has it. */
export interface UpgradingServer<Socket extends ClosableSocket> {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, done: (client: Socket) => void): void;
  emit(event: "connection", client: Socket, request: IncomingMessage, session: unknown): boolean;
}

/** The session of a handshake, or the error that refuses it, with its HTTP `status`. */
export type OpenedHandshake<D extends object = DataObject> =
  | { readonly session: Session<D>; readonly refused: null }
  | { readonly session: null; readonly refused: SojournError };

export interface WebSocketAdapter<D extends object = DataObject> {
  /**
   * The listener for the event `upgrade` of a http server: refuses the handshake (401, 403, 503) or completes it, emits
   * `connection` with the socket, the request and the session, and closes the socket when the session ends or is locked.
   */
  upgrade<Socket extends ClosableSocket>(
    server: UpgradingServer<Socket>,
  ): (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** The same by hand, for servers of another kind: who is it? Then `closeAtEnd`. @throws what is a bug */
  open(request: IncomingMessage): Promise<OpenedHandshake<D>>;
  /** Closes the socket with code 4401 when the session ends or is locked; from then on it brings no message any more. Answers how to stop. */
  closeAtEnd(socket: ClosableSocket, session: Session<D>): () => void;
}

/** Private use (RFC 6455 7.4.2), after HTTP's 401: log in again. */
const SESSION_ENDED = 4401;
/** A client that does not answer the closing handshake is cut off. */
const CLOSING_MS = 500;
/** What a close frame has room for. */
const MAX_REASON_BYTES = 123;

/**
 * WebSockets that end with their session.
 *
 * ```ts
 * const wss = new WebSocketServer({ noServer: true });
 * server.on("upgrade", sojourn(sessions).upgrade(wss));
 * wss.on("connection", (socket, request, session) => socket.send(`hello ${session.userId}`));
 * ```
 * @throws TypeError unless given what `createSessions` returned; ConfigError for wrong options.
 */
export function sojourn<D extends object = DataObject>(
  sessions: Sessions<D>,
  options: WebSocketOptions = {},
): WebSocketAdapter<D> {
  const rules = new ExchangeRules<D>(sessions, options);
  const requirement = options.anonymous === true ? sessionRequired : userRequired;
  const open = (request: IncomingMessage): Promise<OpenedHandshake<D>> =>
    opened(rules, new Handshake(request, options), requirement);
  const closeAtEnd = (socket: ClosableSocket, session: Session<D>): (() => void) =>
    closingAtEnd(socket, (onEnd) => sessions.watch(session.id, onEnd));
  return {
    open,
    closeAtEnd,
    upgrade: (server) => (request, socket, head) => {
      // Until the server has it, nobody else would hear its failure, which then ends the process.
      const ignored = (): void => undefined;
      socket.on("error", ignored);
      const completed = open(request).then(({ session, refused }) => {
        if (socket.destroyed) return;
        if (refused !== null) {
          refuse(socket, refused);
          return;
        }
        socket.off("error", ignored);
        server.handleUpgrade(request, socket, head, (client) => {
          closeAtEnd(client, session);
          server.emit("connection", client, request, session);
        });
      });
      completed.catch((error: unknown) => {
        socket.destroy();
        rules.host.notices.warn("upgrade", `a WebSocket handshake failed: ${String(error)}`);
      });
    },
  };
}

const sessionRequired: Requirement = async ({ exchange }) =>
  (await exchange.loadFresh()).active ? null : new LoginRequiredError();

async function opened<D extends object>(
  rules: ExchangeRules<D>,
  handshake: Handshake,
  requirement: Requirement,
): Promise<OpenedHandshake<D>> {
  const exchange = new Exchange<D>(rules, handshake, NO_RESPONSE);
  const { notices } = rules.host;
  const guarded = { exchange: exchange as unknown as Exchange<never>, formField: () => null };
  try {
    const refused = exchange.refusal() ?? (await requirement(guarded));
    if (refused instanceof CrossSiteRequestError && handshake.isBehindTls) notices.once("wss", BEHIND_TLS);
    const session = refused === null ? exchange.session.current : null;
    return session === null ? { session, refused: refused ?? new LoginRequiredError() } : { session, refused: null };
  } catch (error) {
    if (!(error instanceof SojournError)) throw error;
    notices.warn("unavailable", `a WebSocket handshake was answered with ${error.status}: ${error.message}`);
    return { session: null, refused: error };
  }
}

const BEHIND_TLS =
  "a page on https opened a WebSocket that came here as http, and was refused: behind a proxy that ends TLS, tell sojourn/ws with the option url";

function closingAtEnd(socket: ClosableSocket, watch: (onEnd: (end: SessionEnd) => void) => () => void): () => void {
  let cut: NodeJS.Timeout | undefined;
  const stop = watch(({ reason }) => {
    silence(socket);
    cut = setTimeout(() => socket.terminate?.(), CLOSING_MS).unref();
    socket.close(SESSION_ENDED, shortened(`session ended: ${reason}`));
  });
  socket.once("close", () => {
    stop();
    clearTimeout(cut);
  });
  return stop;
}

/** What is still on its way comes from somebody who has no session any more, whoever begins to listen only now. */
function silence(socket: ClosableSocket): void {
  const emit = socket.emit?.bind(socket);
  if (emit !== undefined) socket.emit = (event, ...args) => event !== "message" && emit(event, ...args);
}

/** Not in the middle of a character. */
function shortened(text: string): string {
  let short = text;
  while (Buffer.byteLength(short) > MAX_REASON_BYTES) short = Array.from(short).slice(0, -1).join("");
  return short;
}

function refuse(socket: Duplex, error: SojournError): void {
  const { headers = {} } = error as { headers?: Readonly<Record<string, string>> };
  const body = JSON.stringify({ error: error.code });
  const all = { Connection: "close", "Content-Type": "application/json", "Cache-Control": "no-store", ...headers };
  const lines = Object.entries({ ...all, "Content-Length": Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.once("finish", () => socket.destroy());
  socket.end([`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}`, ...lines, "", body].join("\r\n"));
}

/** A handshake's answer has no cookie: a token that is due for renewal is renewed by the next request. */
const NO_RESPONSE: ResponseView = {
  headersSent: true,
  begun: true,
  onHeaders: () => undefined,
  onWrites: () => undefined,
};

class Handshake extends DirectRequest {
  /** Not GET, which is never refused. */
  override get method(): string {
    return "WEBSOCKET";
  }
  override get onUnavailable(): "reject" {
    return "reject";
  }
  /** The browser was on https, and this server does not know. */
  get isBehindTls(): boolean {
    return !this.secure && this.header("origin") === `https://${this.host}`;
  }
}
