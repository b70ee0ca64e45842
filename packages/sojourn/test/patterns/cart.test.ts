import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions } from "../../src/create-sessions.ts";
import { DataTooLargeError, SessionEndedError } from "../../src/errors.ts";
import { cart, type CartItem } from "../../src/patterns/cart.ts";
import type { Store } from "../../src/store/store.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { sqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { SECRET, type Site, startSite } from "../support/express-site.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const log = (): void => undefined;

async function open(data: Record<string, unknown> = {}) {
  const sessions = createSessions({ store: memoryStore(), secrets: [SECRET], log });
  const { session } = await sessions.create({ data });
  return { sessions, session, id: session.id, shop: cart(sessions) };
}

function byProduct(items: readonly CartItem[]): CartItem[] {
  return items.toSorted((a, b) => a.productId.localeCompare(b.productId));
}

describe.each(["by id", "by session"] as const)("%s", (how) => {
  async function opened(data: Record<string, unknown> = {}) {
    const { sessions, session, id, shop } = await open(data);
    return { sessions, shop, id, target: how === "by id" ? id : session };
  }

  test("a session without a cart has no items", async () => {
    const { shop, target } = await opened();
    expect(await shop.get(target)).toEqual([]);
  });

  test("add: one by default, more to what is there; in the order of adding", async () => {
    const { sessions, shop, id, target } = await opened({ theme: "dark" });
    expect(await shop.add(target, "mug")).toEqual([{ productId: "mug", quantity: 1 }]);
    await shop.add(target, "lamp", 2);
    const items = await shop.add(target, "mug", 3);
    expect(items).toEqual([
      { productId: "mug", quantity: 4 },
      { productId: "lamp", quantity: 2 },
    ]);
    expect(await shop.get(target)).toEqual(items);
    expect((await sessions.get(id))?.data).toEqual({ theme: "dark", cart: items });
  });

  test("setQuantity: sets, adds what is not there, removes at 0", async () => {
    const { shop, target } = await opened();
    await shop.add(target, "mug", 5);
    expect(await shop.setQuantity(target, "mug", 2)).toEqual([{ productId: "mug", quantity: 2 }]);
    expect(await shop.setQuantity(target, "lamp", 1)).toEqual([
      { productId: "mug", quantity: 2 },
      { productId: "lamp", quantity: 1 },
    ]);
    expect(await shop.setQuantity(target, "mug", 0)).toEqual([{ productId: "lamp", quantity: 1 }]);
    expect(await shop.get(target)).toEqual([{ productId: "lamp", quantity: 1 }]);
  });

  test("remove: one product; one that is not there is no error", async () => {
    const { shop, target } = await opened();
    await shop.add(target, "mug");
    await shop.add(target, "lamp");
    expect(await shop.remove(target, "mug")).toEqual([{ productId: "lamp", quantity: 1 }]);
    expect(await shop.remove(target, "never there")).toEqual([{ productId: "lamp", quantity: 1 }]);
    expect(await shop.remove(target, "lamp")).toEqual([]);
  });

  test("merge: sums what both have", async () => {
    const { shop, target } = await opened();
    await shop.add(target, "mug", 2);
    const items = await shop.merge(target, [
      { productId: "lamp", quantity: 1 },
      { productId: "mug", quantity: 3 },
      { productId: "lamp", quantity: 1 },
    ]);
    expect(items).toEqual([
      { productId: "mug", quantity: 5 },
      { productId: "lamp", quantity: 2 },
    ]);
    expect(await shop.merge(target, [])).toEqual(items);
  });

  test("a product may be named like what every object inherits", async () => {
    const { shop, target } = await opened();
    for (const name of ["__proto__", "constructor", "toString", "cart", "ü 商品"]) await shop.add(target, name, 2);
    expect((await shop.get(target)).map(({ productId, quantity }) => [productId, quantity])).toEqual([
      ["__proto__", 2],
      ["constructor", 2],
      ["toString", 2],
      ["cart", 2],
      ["ü 商品", 2],
    ]);
  });

  test("answers are copies: changing one changes no cart", async () => {
    const { shop, target } = await opened();
    const [item] = await shop.add(target, "mug");
    Object.assign(item ?? {}, { quantity: 99 });
    expect(await shop.get(target)).toEqual([{ productId: "mug", quantity: 1 }]);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "2", null, [1], {}])(
    "quantity %s is a TypeError as a rejection, and nothing changes",
    async (wrong) => {
      const { shop, target } = await opened();
      await shop.add(target, "mug");
      const quantity = wrong as number;
      await expect(shop.add(target, "mug", quantity)).rejects.toThrow(TypeError);
      await expect(
        shop.merge(target, [
          { productId: "lamp", quantity: 1 },
          { productId: "mug", quantity },
        ]),
      ).rejects.toThrow(TypeError);
      if (wrong !== 0) await expect(shop.setQuantity(target, "mug", quantity)).rejects.toThrow(TypeError);
      expect(await shop.get(target)).toEqual([{ productId: "mug", quantity: 1 }]);
    },
  );

  test.each(["", 7, null, undefined])("product id %s is a TypeError", async (wrong) => {
    const { shop, target } = await opened();
    await expect(shop.add(target, wrong as string)).rejects.toThrow(TypeError);
    await expect(shop.setQuantity(target, wrong as string, 1)).rejects.toThrow(TypeError);
    expect(await shop.get(target)).toEqual([]);
  });

  test("a sum past the safe integers is a TypeError, and nothing changes", async () => {
    const { shop, target } = await opened();
    await shop.add(target, "mug", Number.MAX_SAFE_INTEGER);
    await expect(shop.add(target, "mug")).rejects.toThrow(TypeError);
    expect(await shop.get(target)).toEqual([{ productId: "mug", quantity: Number.MAX_SAFE_INTEGER }]);
  });

  test("a cart over maxBytes is refused, the old one stays", async () => {
    const { shop, target } = await opened();
    await shop.add(target, "mug");
    await expect(shop.add(target, "x".repeat(11_000))).rejects.toThrow(DataTooLargeError);
    expect(await shop.get(target)).toEqual([{ productId: "mug", quantity: 1 }]);
  });

  test("F2: a session that ended: every change is a SessionEndedError and revives nothing", async () => {
    const { sessions, shop, id, target } = await opened({ cart: [{ productId: "mug", quantity: 1 }] });
    await sessions.revoke(id);
    const changes = [
      () => shop.add(target, "mug"),
      () => shop.setQuantity(target, "mug", 2),
      () => shop.setQuantity(target, "mug", 0),
      () => shop.remove(target, "mug"),
      () => shop.merge(target, [{ productId: "mug", quantity: 1 }]),
    ];
    for (const change of changes) await expect(change()).rejects.toThrow(SessionEndedError);
    expect(await sessions.get(id)).toBeNull();
    expect(await sessions.count()).toBe(0);
  });
});

test("the cart of an id that is over or was never one is empty, and cannot be filled", async () => {
  const { sessions, shop, id } = await open({ cart: [{ productId: "mug", quantity: 1 }] });
  await sessions.revoke(id);
  for (const target of [id, "no id", ""]) {
    expect(await shop.get(target)).toEqual([]);
    await expect(shop.add(target, "mug")).rejects.toThrow(SessionEndedError);
  }
});

describe("50 adds at once lose nothing", () => {
  let redis: RedisServer;
  let folder: string;

  beforeAll(async () => {
    [redis, folder] = [await startRedis(), await mkdtemp(join(tmpdir(), "sojourn-cart-"))];
  });
  afterAll(async () => {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const slow = 10_000;
  /** Two stores on the same data, as two processes have; a memory store has only itself. */
  const engines: [string, () => Promise<[Store, Store]>][] = [
    [
      "memory",
      async () => {
        const store = memoryStore();
        return [store, store];
      },
    ],
    [
      "sqlite",
      async () => {
        const file = join(folder, "cart.db");
        return [sqliteStore(file, { writeDeadlineMs: slow }), sqliteStore(file, { writeDeadlineMs: slow })];
      },
    ],
    [
      "redis",
      async () => {
        const deadline = { readMs: slow, writeMs: slow };
        return [redisStore(await redis.client(), { deadline }), redisStore(await redis.client(), { deadline })];
      },
    ],
  ];

  test.each(engines)("on %s, by id and by session, of two servers", async (_engine, stores) => {
    const [mine, theirs] = (await stores()).map((store) => createSessions({ store, secrets: [SECRET], log }));
    if (mine === undefined || theirs === undefined) throw new Error("two servers are needed");
    const { session, token } = await mine.create({ userId: "ada" });
    const elsewhere = await theirs.validate(token);
    if (!elsewhere.valid) throw new Error("the other server must see the session");
    const add = (i: number): Promise<CartItem[]> => {
      const [sessions, object] = i % 2 === 0 ? [mine, session] : [theirs, elsewhere.session];
      return cart(sessions).add(i % 4 < 2 ? session.id : object, `product-${i % 10}`);
    };
    const added = await Promise.all(Array.from({ length: 50 }, (_, i) => add(i)));
    expect(added).toHaveLength(50);
    const expected = Array.from({ length: 10 }, (_, i) => ({ productId: `product-${i}`, quantity: 5 }));
    expect(byProduct(await cart(theirs).get(session.id))).toEqual(expected);
    await Promise.all([mine.close(), theirs.close()]);
  });
});

describe("on req.session", () => {
  function site(): Promise<Site> {
    return startSite({
      routes: (app, sessions) => {
        const shop = cart(sessions);
        app.post("/cart", express.json(), async (req, res) => {
          const {
            add = [],
            remove = [],
            merge = [],
          } = req.body as { add?: string[]; remove?: string[]; merge?: CartItem[] };
          await Promise.all(add.map((product) => shop.add(req.session, product)));
          for (const product of remove) await shop.remove(req.session, product);
          await shop.setQuantity(req.session, "nothing", 0);
          await shop.merge(req.session, merge);
          res.json(await shop.get(req.session));
        });
        app.post("/sign-in", async (req, res) => {
          const anonymous = await shop.get(req.session);
          await req.session.login({ userId: "ada", data: { cart: [{ productId: "mug", quantity: 1 }] } });
          res.json(await shop.merge(req.session, anonymous));
        });
      },
    });
  }

  test("M2: the first thing added begins the session; several at once begin one", async () => {
    const { browser, sessions } = await site();
    const visitor = browser();
    const reply = await visitor.post("/cart", { add: ["mug", "lamp", "mug"] });
    expect(byProduct(JSON.parse(reply.body) as CartItem[])).toEqual([
      { productId: "lamp", quantity: 1 },
      { productId: "mug", quantity: 2 },
    ]);
    expect(reply.setCookies).toHaveLength(1);
    expect(await sessions.count()).toBe(1);
  });

  test("M2: removing from, merging nothing into and looking at no cart begin nothing", async () => {
    const { browser, store } = await site();
    const reply = await browser().post("/cart", { remove: ["mug"] });
    expect([reply.body, reply.setCookies]).toEqual(["[]", []]);
    expect(store.calls).toEqual([]);
  });

  test("50 requests of one browser at once lose nothing", async () => {
    const { browser } = await site();
    const visitor = browser();
    await visitor.post("/cart", { add: ["mug"] });
    await Promise.all(Array.from({ length: 50 }, () => visitor.copy().post("/cart", { add: ["mug"] })));
    const reply = await visitor.post("/cart");
    expect(JSON.parse(reply.body)).toEqual([{ productId: "mug", quantity: 51 }]);
  });

  test("the visitor's cart is merged into the user's at login", async () => {
    const { browser } = await site();
    const visitor = browser();
    await visitor.post("/cart", { add: ["mug", "lamp"] });
    const reply = await visitor.post("/sign-in");
    expect(JSON.parse(reply.body)).toEqual([
      { productId: "mug", quantity: 2 },
      { productId: "lamp", quantity: 1 },
    ]);
    expect(JSON.parse((await visitor.post("/cart")).body)).toEqual(JSON.parse(reply.body));
  });
});
