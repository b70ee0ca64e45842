/** The real @fastify/session over HTTP: what holds though it copies what a store answers, and what does not. */

import { describe, expect } from "vitest";
import { SojournStore } from "../../src/adapters/express-session.ts";
import type { Sessions } from "../../src/index.ts";
import { onEveryEngine } from "../brief/engines.ts";
import { fastifySite, Gate } from "../support/express-session-site.ts";

const site = (sessions: Sessions, options?: object): ReturnType<typeof fastifySite> =>
  fastifySite(new SojournStore({ sessions }), options);
const read = (reply: { body: string }): Record<string, unknown> => JSON.parse(reply.body) as Record<string, unknown>;

describe("flows", () => {
  onEveryEngine("a session is stored, loaded, regenerated and destroyed, on two servers", async (place) => {
    const [one, two] = [await site(place.sessions), await site(place.server())];
    const ada = one.browser();
    await ada.post("/set/cart/full");
    const there = two.browser(ada);
    expect(read(await there.get("/look"))).toMatchObject({ cart: "full", cookie: { originalMaxAge: 60_000 } });
    const before = ada.copy();
    expect(read(await ada.post("/login/ada"))).toMatchObject({ cart: "full", user: "ada" });
    expect(read(await there.get("/look"))).toMatchObject({ cart: "full", user: "ada" });
    expect(read(await before.get("/look"))["cart"]).toBeUndefined();
    await there.post("/delete/cart");
    expect(read(await ada.get("/look"))["cart"]).toBeUndefined();
    const gone = ada.copy();
    await ada.post("/logout");
    expect(read(await gone.get("/look"))["user"]).toBeUndefined();
  });

  onEveryEngine("a session ends with its cookie; every answer moves both", async (place) => {
    const ada = (await site(place.sessions)).browser();
    await ada.post("/set/a/1");
    for (let i = 0; i < 4; i++) {
      await place.clock.advance(40_000);
      expect(read(await ada.get("/look"))["a"]).toBe("1");
    }
    await place.clock.advance(61_000);
    expect(read(await ada.get("/look"))["a"]).toBeUndefined();
  });

  onEveryEngine(
    "a request that only reads is one read, though @fastify/session saves at each answer",
    async (place) => {
      const ada = (await site(place.sessions)).browser();
      await ada.post("/set/a/1");
      expect(await place.storeCalls(() => ada.get("/look"))).toEqual({ read: 1 });
      expect(await place.storeCalls(() => ada.post("/set/b/1"))).toEqual({ read: 1, patch: 1 });
    },
  );
});

describe("races", () => {
  onEveryEngine(
    "a slow request, also one that only reads, does not undo what others wrote meanwhile",
    async (place) => {
      const [one, two] = [await site(place.sessions), await site(place.server())];
      const ada = one.browser();
      await ada.post("/set/a/0");
      const there = two.browser(ada);
      for (const path of ["/slow-look", "/slow/mine/1"]) {
        one.gate = new Gate();
        const slow = path === "/slow-look" ? ada.get(path) : ada.post(path);
        await one.gate.reached;
        await ada.post("/set/b/1");
        await there.post("/set/c/1");
        await there.post("/delete/a");
        one.gate.open();
        await slow;
        const seen = read(await ada.get("/look"));
        expect([seen["a"], seen["b"], seen["c"]]).toEqual([undefined, "1", "1"]);
      }
      expect(read(await ada.get("/look"))["mine"]).toBe("1");
    },
  );

  onEveryEngine("F2 a slow request does not bring back a session that was destroyed meanwhile", async (place) => {
    const [one, two] = [await site(place.sessions), await site(place.server())];
    const ada = one.browser();
    await ada.post("/set/user/ada");
    const [before, there] = [ada.copy(), two.browser(ada.copy())];
    const slow = there.post("/slow/a/1");
    await two.gate.reached;
    await ada.post("/logout");
    two.gate.open();
    expect((await slow).status).toBe(200);
    expect(read(await before.get("/look"))["user"]).toBeUndefined();
  });

  onEveryEngine(
    "what does not hold: saved from outside the request, a session of plain values replaces what is stored; one with an object in it does not",
    async (place) => {
      const shop = await site(place.sessions);
      for (const [basket, seen] of [
        ["/set/a/1", undefined],
        ["/object", "1"],
      ] as const) {
        const ada = shop.browser();
        shop.gate = new Gate();
        await ada.post(basket);
        const slow = ada.post("/later");
        await shop.gate.reached;
        await ada.post("/set/b/1");
        shop.gate.open();
        await slow;
        expect(read(await ada.get("/look"))).toMatchObject({ later: true });
        expect(read(await ada.get("/look"))["b"]).toBe(seen);
      }
    },
  );
});
