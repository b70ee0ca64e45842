import { Router } from "express";
import type { Shop } from "../shop.ts";
import { catalogueView } from "../views/catalogue.ts";
import { layout } from "../views/layout.ts";
import { noticeFor } from "../views/notices.ts";

export function catalogueRoutes(shop: Shop): Router {
  const router = Router();

  router.get("/", async (req, res) => {
    const [visitor, lines] = await Promise.all([shop.visitorOf(req), shop.linesOf(req)]);
    res.send(
      layout({ title: "Catalogue", section: "/", visitor, notice: noticeFor(req.query), body: catalogueView(lines) }),
    );
  });

  return router;
}
