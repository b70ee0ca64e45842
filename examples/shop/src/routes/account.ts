import { Router } from "express";
import type { Session } from "sojourn";
import { requireUser } from "sojourn/express";
import { countItems } from "../catalogue.ts";
import { describeDevice } from "../devices.ts";
import { HttpError } from "../http-error.ts";
import type { Shop } from "../shop.ts";
import { accountView, type DeviceRow } from "../views/account.ts";
import { layout } from "../views/layout.ts";
import { noticeFor } from "../views/notices.ts";

const SHOWN_ACTIVITIES = 10;

export function accountRoutes(shop: Shop): Router {
  const router = Router();
  router.use("/account", requireUser({ redirectTo: "/login" }));

  router.get("/account", async (req, res) => {
    const user = shop.userOf(req);
    if (user === null) throw new HttpError(404, "The session's user is not a user of this shop.");
    const [lines, sessions, activities] = await Promise.all([
      shop.linesOf(req),
      shop.sessions.list(user.id),
      shop.sessions.activity.list(req.session.id ?? ""),
    ]);
    const itemCount = countItems(lines);
    const body = accountView({
      user,
      itemCount,
      devices: deviceRows(sessions, req.session.id),
      activities: activities.slice(0, SHOWN_ACTIVITIES),
      failedLogins: req.session.current?.security.failedLogins ?? 0,
      now: Date.now(),
    });
    res.send(
      layout({
        title: "Your account",
        section: "/account",
        visitor: { name: user.name, itemCount },
        notice: noticeFor(req.query),
        body,
      }),
    );
  });

  router.post("/account/devices/:id/sign-out", async (req, res) => {
    const session = await shop.sessions.get(req.params.id);
    // Somebody else's session is answered like one that does not exist.
    if (session === null || session.userId !== req.session.userId) throw new HttpError(404, "No such device.");
    if (session.id === req.session.id) {
      await shop.auth.logout(req.session);
      res.redirect(303, "/?notice=signed-out");
      return;
    }
    await shop.sessions.revoke(session.id, { reason: "user_request" });
    res.redirect(303, "/account?notice=device-signed-out");
  });

  router.post("/account/sign-out-others", async (req, res) => {
    const { id, userId } = req.session;
    if (id === null || userId === null) throw new HttpError(401, "Nobody is signed in.");
    await shop.sessions.revokeUser(userId, { except: id, reason: "user_request" });
    res.redirect(303, "/account?notice=others-signed-out");
  });

  return router;
}

/** This device first, then the others, the last seen one on top. */
function deviceRows(sessions: readonly Session[], currentId: string | null): DeviceRow[] {
  const rows = sessions.map((session) => ({
    sessionId: session.id,
    current: session.id === currentId,
    device: describeDevice(session.device?.userAgent),
    userAgent: session.device?.userAgent ?? "",
    address: session.device?.ip ?? "unknown",
    signedInAt: session.createdAt,
    lastSeenAt: session.lastSeenAt,
    remembered: session.policy === "rememberMe",
    locked: session.locked,
  }));
  return rows.toSorted((a, b) => Number(b.current) - Number(a.current));
}
