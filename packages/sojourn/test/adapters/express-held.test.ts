/** A response that waits for session writes, and who else has to do with it. */

import express from "express";
import { expect, test } from "vitest";
import { sojourn } from "../../src/adapters/express.ts";
import type { RequestSession } from "../../src/adapters/request-session.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, SECRET, startSite } from "../support/express-site.ts";
import { send, serve } from "../support/http.ts";

test("sessions of two namespaces, both written and not awaited: the response waits for both and sets both cookies", async () => {
  const [customers, staff] = ["customers", "staff"].map((namespace) =>
    createSessions({
      store: memoryStore({ namespace }),
      secrets: [SECRET],
      cookie: { name: namespace },
      log: () => {},
    }),
  );
  if (customers === undefined || staff === undefined) throw new Error("two are made");
  const app = express();
  app.use(sojourn(customers), sojourn(staff, { property: "sojourn" }));
  app.get("/:first/:second", (req, res) => {
    for (const name of [req.params.first, req.params.second]) {
      void (req as unknown as Record<string, RequestSession>)[name]?.set("a", 1);
    }
    res.send("ok");
  });
  const origin = await serve(app);
  for (const path of ["session/sojourn", "sojourn/session"]) {
    const reply = await send(`${origin}/${path}`);
    expect(reply).toMatchObject({ status: 200, body: "ok" });
    expect(reply.setCookies.map((line) => line.split("=")[0]).toSorted()).toEqual(["customers", "staff"]);
  }
});

test("what is made of a response by Object.create answers as the response does, while it waits and after", async () => {
  const said: unknown[] = [];
  const site = await startSite({
    routes: (app) =>
      app.get("/derived", async (req, res) => {
        const derived = Object.create(res) as typeof res;
        const writing = req.session.set("a", 1);
        res.write("a");
        said.push(derived.headersSent, derived.writableEnded);
        expect(() => derived.setHeader("X-Late", "1")).toThrow("after they are sent");
        await writing;
        await new Promise(setImmediate);
        said.push(derived.headersSent, derived.writableEnded);
        expect(() => derived.setHeader("X-Late", "1")).toThrow("after they are sent");
        res.end("b");
        said.push(derived.writableEnded);
      }),
  });
  const reply = await send(`${site.origin}/derived`);
  expect(reply).toMatchObject({ status: 200, body: "ab" });
  expect(reply.setCookies).toEqual([expect.stringContaining(COOKIE)]);
  expect(said).toEqual([true, false, true, false, true]);
});
