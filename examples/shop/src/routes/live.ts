import { Router } from "express";
import type { Shop } from "../shop.ts";
import { wordsForEnd } from "../views/signed-out.ts";

/** Proxies and browsers give up on a connection that is silent for long. */
const SIGN_OF_LIFE_MS = 25_000;

/** The event stream that every page of a signed-in user listens to: it says when that is over, and ends. */
export function liveRoutes(shop: Shop): Router {
  const router = Router();
  router.get("/live", (req, res) => {
    // The page went while its session was read: there will be no event to stop by.
    if (res.closed) return;
    res.writeHead(200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" }).flushHeaders();
    const tell = (reason: string | null): void => {
      res.end(`event: signed-out\ndata: ${wordsForEnd(reason)}\n\n`);
    };
    const { id, userId } = req.session;
    if (id === null || userId === null) {
      tell(null);
      return;
    }
    const stop = shop.sessions.watch(id, ({ reason }) => {
      // An ended response closes only when the client has taken it, and writing to it meanwhile is an error nobody handles.
      clearInterval(alive);
      tell(reason);
    });
    const alive = setInterval(() => res.write(":\n\n"), SIGN_OF_LIFE_MS).unref();
    res.on("close", () => {
      stop();
      clearInterval(alive);
    });
  });
  return router;
}
