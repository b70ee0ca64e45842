/** The same for the compatibility mode: an application of express-session, and the commands of each of its steps. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { sojourn } from "../../src/adapters/express.ts";
import type { Sessions } from "../../src/index.ts";
import type { Measure } from "./command-table.ts";
import type { LegacyRequest } from "./compat-site.ts";

const LIFE_MS = 3_600_000;

export async function measureCompat(
  measure: Measure,
  sessions: Sessions,
  advance: (ms: number) => Promise<void>,
): Promise<void> {
  const http = legacyApp(sessions).listen(0, "127.0.0.1");
  await once(http, "listening");
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  let cookie = "";
  const ask = async (path: string): Promise<void> => {
    const reply = await fetch(origin + path, { headers: cookie === "" ? {} : { cookie } });
    cookie = reply.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
    await reply.text();
  };
  const row = (step: string, asked: string, path: string): Promise<void> =>
    measure(`compat "express-session": ${step}`, asked, () => ask(path));
  try {
    await row("nobody's request", "0", "/");
    await row("first write", "1 script", "/write");
    await row("first return of an anonymous visitor (once)", "1 GET + 1 script", "/");
    await row("read", "1 GET", "/");
    await row("one write, and a cookie of full life", "2 GET + 1 script", "/write");
    await row("the same, with save()", "2 GET + 1 script", "/save");
    await advance(LIFE_MS / 10);
    // Takes the check of clock and salt upon itself.
    await fetch(`${origin}/write`);
    await row("touch due", "1 GET + 1 script", "/");
    await row("touch not due again", "1 GET", "/");
    await row("regenerate(), save()", "1 GET + 2 script", "/regenerate");
    await ask("/");
    await row("login: regenerate(), a user, save()", "1 GET + 2 script", "/login");
    await row("a user's read", "1 GET", "/");
    await row("logout: destroy()", "1 GET + 1 script", "/destroy");
  } finally {
    http.close();
    http.closeAllConnections();
  }
}

function legacyApp(sessions: Sessions): express.Express {
  const app = express();
  const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;
  app.use(sojourn(sessions, { compat: "express-session", cookie: { maxAge: LIFE_MS }, userId }));
  app.get("/:step", async (request, res) => {
    const req = request as unknown as LegacyRequest;
    const { step } = request.params;
    if (step === "write" || step === "save") req.session.views = (req.session.views ?? 0) + 1;
    if (step === "regenerate" || step === "login") await req.session.regenerate();
    if (step === "login") req.session["user"] = "ada";
    if (step === "destroy") await req.session.destroy();
    else if (step !== "write") await req.session.save();
    res.send(step);
  });
  app.get("/", (_req, res) => void res.send("page"));
  return app;
}
