/** Row L2: no token, and no 12-character piece of its secret or MAC, in anything that is printed, logged or answered. */

import { randomBytes } from "node:crypto";
import { format, inspect } from "node:util";
import type express from "express";
import { expect, test } from "vitest";
import { requireUser } from "../../src/adapters/express.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { auth } from "../../src/patterns/auth.ts";
import { cart } from "../../src/patterns/cart.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, SECRET, type Site, startSite } from "../support/express-site.ts";
import { type Browser, send } from "../support/http.ts";

const PIECE = 12;
/** Version, id and generation are public; what follows is not. */
const SECRET_AT = 28;

function piecesIn(text: string, token: string): string[] {
  const secret = token.slice(SECRET_AT);
  const pieces = Array.from({ length: secret.length - PIECE + 1 }, (_, at) => secret.slice(at, at + PIECE));
  return pieces.filter((piece) => text.includes(piece));
}

async function userOf(site: Site): Promise<{ user: Browser; token: string }> {
  const user = site.browser();
  await user.post("/login");
  await user.post("/set", { private: "a private note" });
  return { user, token: user.cookies.get(COOKIE) ?? "" };
}

test("the search finds what it looks for", () => {
  const token = randomBytes(70).toString("base64url").slice(0, 93);
  expect(piecesIn(`cookie: ${token}`, token)).toHaveLength(93 - SECRET_AT - PIECE + 1);
  expect(piecesIn(token.slice(0, SECRET_AT + PIECE), token)).toHaveLength(1);
});

test("req.session printed, as JSON, as text and with all that can be reached", async () => {
  let printed = "";
  const site = await startSite({
    routes: (app) =>
      app.get("/print", (req, res) => {
        const { session } = req;
        const options = { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true };
        printed = [
          inspect(session),
          inspect(session, options),
          inspect({ nested: [session] }, options),
          inspect(session.current, options),
          JSON.stringify(session),
          JSON.stringify({ session, current: session.current }),
          format("%s %o %O %j", session, session, session, session),
          ...symbolsOf(req).map((value) => inspect(value, options)),
        ].join("\n");
        res.end();
      }),
  });
  const { user, token } = await userOf(site);
  await user.get("/print");
  expect(printed).toContain(token.slice(1, 25));
  expect(printed).toContain("ada");
  expect(printed).not.toContain("a private note");
  expect(piecesIn(printed, token)).toEqual([]);
});

/** What the adapter hangs on the request under symbols; Node's own hold the socket and the raw headers. */
function symbolsOf(req: object): unknown[] {
  const symbols = Object.getOwnPropertySymbols(req).filter(({ description }) => description?.startsWith("sojourn"));
  expect(symbols).toHaveLength(1);
  return symbols.map((symbol) => (req as Record<symbol, unknown>)[symbol]);
}

test("a request without a session prints as nothing", async () => {
  let printed: unknown;
  const site = await startSite({
    routes: (app) =>
      app.get("/print", (req, res) => void res.json((printed = [inspect(req.session), JSON.stringify(req.session)]))),
  });
  await send(`${site.origin}/print`);
  expect(printed).toEqual(["RequestSession null", "null"]);
});

test("the bodies and headers of 401, 403 and 503, errors, and every log line", async () => {
  const errors: unknown[] = [];
  const site = await startSite({
    sojourn: {},
    routes: (app) => {
      app.get("/me", requireUser(), (_req, res) => void res.end());
      app.post("/ended", async (req) => {
        await site.sessions.revokeUser("ada");
        await req.session.set("a", 1);
      });
      app.post("/late", async (req, res) => {
        res.write("x");
        await req.session.logout().catch((error: unknown) => errors.push(error));
        res.end();
      });
      const handler: express.ErrorRequestHandler = (error, _req, res, next) => {
        errors.push(error);
        if (res.headersSent) next(error);
        else res.status(500).end();
      };
      app.use(handler);
    },
  });
  const { user, token } = await userOf(site);
  const forged = `${token.slice(0, -1)}${token.endsWith("A") ? "Q" : "A"}`;
  const replies = [
    await user.send("/plain", { method: "POST", headers: { "Sec-Fetch-Site": "cross-site" } }),
    await send(`${site.origin}/me`, { headers: { Cookie: `${COOKIE}=${forged}` } }),
    await send(`${site.origin}/me`, { headers: { Cookie: `${COOKIE}=${token}; ${COOKIE}=${token}` } }),
    await user.post("/late"),
  ];
  site.store.down = true;
  replies.push(await user.get("/me"));
  site.store.down = false;
  replies.push(await user.post("/ended"), await user.copy().get("/me"));
  expect(replies.map(({ status }) => status)).toEqual([403, 401, 401, 200, 503, 500, 401]);
  expect(errors).toMatchObject([{ code: "headers_sent" }, { code: "session_ended" }]);
  expect(site.log.length).toBeGreaterThanOrEqual(2);
  const everything = inspect([replies, errors, errors.map((error) => (error as Error).stack), site.log], {
    depth: null,
  });
  expect(piecesIn(everything, token)).toEqual([]);
});

test("patterns given a token where an id belongs do not repeat it in their errors", async () => {
  const sessions = createSessions({ store: memoryStore(), secrets: [SECRET], log: () => undefined });
  const { login } = auth(sessions, { verify: () => ({ id: "ada" }) });
  const token = (await login(null))?.token ?? "";
  const error: unknown = await cart(sessions)
    .add(token, "mug")
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "session_ended" });
  expect(piecesIn(inspect(error), token)).toEqual([]);
});
