/** Express 5: `node examples/express/main.ts` */

import type { AddressInfo } from "node:net";
import express from "express";
import { requireUser, sojourn } from "sojourn/express";
import "sojourn/express/augment";
import { listening, port, sessions } from "../sessions.ts";

const app = express();
app.use(express.json(), sojourn(sessions));

app.post("/login", async (req, res) => {
  const { name } = req.body as { name: string };
  await req.session.login({ userId: name, keep: ["visits"] });
  res.json({ hello: req.session.userId });
});
app.get("/visits", async (req, res) => void res.json({ visits: await req.session.increment("visits") }));
app.get("/me", requireUser(), ({ session }, res) => void res.json({ you: session.userId, ...session.data }));
app.post("/logout", async (req, res) => void res.json({ ended: await req.session.logout() }));

const server = app.listen(port, () => listening((server.address() as AddressInfo).port));
