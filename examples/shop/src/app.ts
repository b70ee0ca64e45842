import { fileURLToPath } from "node:url";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import type { Sessions } from "sojourn";
import { sojourn } from "sojourn/express";
import { HttpError } from "./http-error.ts";
import { accountRoutes } from "./routes/account.ts";
import { cartRoutes } from "./routes/cart.ts";
import { catalogueRoutes } from "./routes/catalogue.ts";
import { liveRoutes } from "./routes/live.ts";
import { loginRoutes } from "./routes/login.ts";
import { openShop, type Shop } from "./shop.ts";
import type { Users } from "./users.ts";
import { failureTitle, failureView } from "./views/failure.ts";
import { layout } from "./views/layout.ts";

/** Found from here, so that it is the same folder for `src` and `dist`. */
const publicFolder = fileURLToPath(new URL("../public/", import.meta.url));

export function createApp(sessions: Sessions, users: Users): Express {
  const shop = openShop(sessions, users);
  const app = express();
  app.disable("x-powered-by").disable("etag");
  app.use(securityHeaders);
  app.get("/healthz", (_req, res) => {
    res.type("text").send("ok");
  });
  app.use(express.static(publicFolder, { index: false, redirect: false }));

  // Every page shows whose it is and how full the cart is: none may be kept by a cache.
  app.use((_req, res, next) => {
    res.set("Cache-Control", "no-store");
    next();
  });
  // A page that is left open listens on and on, and is nobody's activity.
  app.use(sojourn(sessions, { onError: "next", countsAsActivity: (req) => req.path !== "/live" }));
  app.use(confirmFirst);
  app.use(express.urlencoded({ extended: false, limit: "4kb", parameterLimit: 20 }));
  app.use(catalogueRoutes(shop), cartRoutes(shop), loginRoutes(shop), accountRoutes(shop), liveRoutes(shop));
  app.use(() => {
    throw new HttpError(404, "No such page.");
  });
  app.use(failurePage(shop));
  return app;
}

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set({
    "Content-Security-Policy": contentSecurityPolicy,
    "X-Content-Type-Options": "nosniff",
    // Stricter than this, and browsers send `Origin: null` with the forms, which the cross-site check refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
  });
  next();
};

/** With a locked session there is only one thing to do. */
const confirmFirst: RequestHandler = (req, res, next) => {
  if (req.session.locked && !["/login", "/logout"].includes(req.path)) res.redirect(303, "/login");
  else next();
};

/** Answers an error as a page. Errors of Express, Sojourn and the shop carry `status` and sometimes `headers`. */
function failurePage(shop: Shop): ErrorRequestHandler {
  return async (error: unknown, req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const status = statusOf(error);
    if (status === 500) console.error(error);
    // Only the shop's own errors come from behind a readable session.
    const visitor = error instanceof HttpError ? await shop.visitorOf(req) : null;
    res.status(status).set(headersOf(error));
    res.send(layout({ title: failureTitle(status), visitor, body: failureView(status) }));
  };
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && "status" in error ? error.status : 500;
  return typeof status === "number" && status >= 400 && status <= 599 ? status : 500;
}

function headersOf(error: unknown): Record<string, string> {
  const headers = error instanceof Error && "headers" in error ? error.headers : null;
  if (typeof headers !== "object" || headers === null) return {};
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => typeof value === "string"));
}
