/** What a client sees of data that does not fit its schema, and of a field whose key is missing. */

import { expect, test } from "vitest";
import { z } from "zod";
import { memoryStore } from "../../src/index.ts";
import { startSite } from "../support/express-site.ts";
import { Browser } from "../support/http.ts";
import { FIELD_KEY, NEXT_FIELD_KEY } from "../support/secrets.ts";

test("what the schema refuses is a 400 without the value, awaited or not, and begins no session", async () => {
  const site = await startSite({
    sessions: { schema: { theme: z.enum(["dark", "light"]) } },
    routes: (app) => {
      app.post("/unawaited/:theme", (req, res) => {
        void req.session.set("theme", req.params.theme);
        res.send("done");
      });
    },
  });
  const browser = site.browser();
  for (const path of ["/unawaited/hunter2", "/set"]) {
    const response = await browser.post(path, { theme: "hunter2" });
    expect(response.status).toBe(400);
    expect(response.setCookies).toEqual([]);
  }
  const refused = await browser.post("/unawaited/hunter2", {});
  const { error, message } = JSON.parse(refused.body) as { error: string; message: string };
  expect(error).toBe("invalid_data");
  expect(message).toContain("theme");
  expect(message).not.toContain("hunter2");
  expect(site.store.calls).not.toContain("create");
  expect((await browser.post("/unawaited/dark", {})).status).toBe(200);
});

test("a missing key is a 503 where the field is read; the cookie stays, other fields are served", async () => {
  const store = memoryStore();
  const site = (keys: readonly string[]) =>
    startSite({
      sessions: { store, encryption: { keys, fields: ["ssn"] } },
      routes: (app) => {
        app.get("/ssn", (req, res) => void res.json(req.session.data["ssn"]));
        app.get("/theme", (req, res) => void res.json(req.session.data["theme"]));
      },
    });
  const before = await site([FIELD_KEY]);
  const browser = before.browser();
  await browser.post("/set", { ssn: "078-05-1120", theme: "dark" });
  const poor = new Browser((await site([NEXT_FIELD_KEY])).origin, browser.cookies);
  const outage = await poor.get("/ssn");
  expect(outage.status).toBe(503);
  expect(outage.setCookies).toEqual([]);
  expect((await poor.get("/theme")).body).toBe('"dark"');
  expect((await browser.get("/ssn")).body).toBe('"078-05-1120"');
});
