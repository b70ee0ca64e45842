import { Router, type Request, type Response } from "express";
import { field } from "../form.ts";
import { HttpError } from "../http-error.ts";
import type { Shop } from "../shop.ts";
import type { Credentials } from "../users.ts";
import { layout } from "../views/layout.ts";
import { loginView, type LoginAttempt } from "../views/login.ts";
import { noticeFor } from "../views/notices.ts";

export function loginRoutes(shop: Shop): Router {
  const router = Router();

  router
    .route("/login")
    .get(async (req, res) => {
      if (req.session.userId === null) await sendForm(req, res, null);
      else res.redirect(303, "/account");
    })
    .post(async (req, res) => {
      const attempt = { username: field(req.body, "username"), remember: field(req.body, "remember") === "yes" };
      const credentials = { username: attempt.username, password: field(req.body, "password") };
      const policy = attempt.remember ? "rememberMe" : "normal";
      if (req.session.locked) {
        await confirm(req, res, attempt, credentials);
        return;
      }
      const login = await shop.auth.login(credentials, { via: req.session, policy, keep: ["cart"] });
      if (login === null) {
        await refuse(req, res, attempt);
        return;
      }
      const { cartElsewhere } = login.user;
      if (cartElsewhere.length > 0) await shop.carts.merge(req.session, cartElsewhere);
      res.redirect(303, "/account?notice=signed-in");
    });

  router
    .route("/logout")
    .post(async (req, res) => {
      await shop.auth.logout(req.session);
      res.redirect(303, "/?notice=signed-out");
    })
    .all(() => {
      throw new HttpError(405, "Signing out takes a POST.", { Allow: "POST" });
    });

  /** The session is there, locked: whoever proves to be its user goes on with it, anybody else begins one of their own. */
  async function confirm(req: Request, res: Response, attempt: LoginAttempt, credentials: Credentials): Promise<void> {
    const user = await shop.users.verify(credentials);
    if (user === null) await refuse(req, res, attempt);
    else if ((await req.session.reauthenticate({ userId: user.id })) === null) res.redirect(303, "/login");
    else res.redirect(303, "/account?notice=confirmed");
  }

  /** For the account page to tell; a real shop would slow further tries down by what this answers. */
  async function refuse(req: Request, res: Response, attempt: LoginAttempt): Promise<void> {
    await sendForm(req, res.status(401), attempt);
    // After the answer: it would take longer for a name that there is.
    const user = shop.users.find(attempt.username.trim().toLowerCase());
    await shop.sessions.security.recordFailedLogin({ userId: user?.id, ip: req.ip });
  }

  async function sendForm(req: Request, res: Response, failed: LoginAttempt | null): Promise<void> {
    const visitor = await shop.visitorOf(req);
    res.send(
      layout({
        title: "Sign in",
        section: "/login",
        visitor,
        notice: noticeFor(req.query),
        body: loginView(failed, req.session.locked),
      }),
    );
  }

  return router;
}
