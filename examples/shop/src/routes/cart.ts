import { type Request, Router } from "express";
import { findProduct, type Product } from "../catalogue.ts";
import { field, quantityField } from "../form.ts";
import { HttpError } from "../http-error.ts";
import type { Shop } from "../shop.ts";
import { cartView } from "../views/cart.ts";
import { layout } from "../views/layout.ts";
import { noticeFor } from "../views/notices.ts";

export function cartRoutes(shop: Shop): Router {
  const router = Router();

  router.get("/cart", async (req, res) => {
    const [visitor, lines] = await Promise.all([shop.visitorOf(req), shop.linesOf(req)]);
    const body = cartView(lines, visitor.name !== null);
    res.send(layout({ title: "Cart", section: "/cart", visitor, notice: noticeFor(req.query), body }));
  });

  router.post("/cart/items", async (req, res) => {
    const { id, name } = productNamed(field(req.body, "productId"));
    await shop.carts.add(req.session, id, quantityField(req.body, "quantity", 1));
    await note(req, "cart_added", name);
    res.redirect(303, `/?added=${id}#${id}`);
  });

  router.post("/cart/items/:productId", async (req, res) => {
    const { id, name } = productNamed(req.params.productId);
    await shop.carts.setQuantity(req.session, id, quantityField(req.body, "quantity", 0));
    await note(req, "cart_changed", name);
    res.redirect(303, "/cart?notice=cart-updated");
  });

  router.post("/cart/items/:productId/remove", async (req, res) => {
    const { id, name } = productNamed(req.params.productId);
    await shop.carts.remove(req.session, id);
    await note(req, "cart_removed", name);
    res.redirect(303, "/cart?notice=cart-updated");
  });

  return router;

  /** For the account page. */
  async function note(req: Request, action: string, product: string): Promise<void> {
    if (req.session.id !== null) await shop.sessions.activity.record(req.session.id, action, { product });
  }
}

function productNamed(id: string): Product {
  const product = findProduct(id);
  if (product === null) throw new HttpError(404, "The shop does not carry this product.");
  return product;
}
