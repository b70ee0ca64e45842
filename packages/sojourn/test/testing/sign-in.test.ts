/** `signIn`: a test's requests and browsers are signed in without the login page. */

import { expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import { sojourn } from "../../src/adapters/fetch.ts";
import { signIn } from "../../src/testing/index.ts";
import { COOKIE, SECRET, startSite } from "../support/express-site.ts";

test.each([{ development: true }, { development: false }])(
  "a plain http request is the user's: %j",
  async (options) => {
    const { origin, sessions } = await startSite({ sessions: options });
    const { cookie, session } = await signIn(sessions, { userId: "ada", data: { plan: "pro" } });
    const answer = await fetch(`${origin}/look`, { headers: { cookie } });
    expect(await answer.json()).toEqual({ active: true, userId: "ada", data: { plan: "pro" } });
    expect(session.userId).toBe("ada");
  },
);

test("two users are two: each cookie is its own session", async () => {
  const { origin, sessions } = await startSite();
  const [ada, grace] = [await signIn(sessions, { userId: "ada" }), await signIn(sessions, { userId: "grace" })];
  const look = async (cookie: string) => (await fetch(`${origin}/look`, { headers: { cookie } })).json();
  expect(await look(ada.cookie)).toMatchObject({ userId: "ada" });
  expect(await look(grace.cookie)).toMatchObject({ userId: "grace" });
});

test("a Request of the fetch adapter, over https and in development over http", async () => {
  const sessions = createSessions({ development: true, secrets: [SECRET], log: () => undefined });
  const signedIn = await signIn(sessions, { userId: "ada" });
  for (const url of ["https://shop.example/", "http://localhost:3000/"]) {
    const { name, value } = signedIn.browserCookie(url);
    const opened = await sojourn(sessions).open(new Request(url, { headers: { cookie: `${name}=${value}` } }));
    expect(opened.session.userId).toBe("ada");
  }
});

test("a browser's cookie has the attributes that its address asks for", async () => {
  const sessions = createSessions({ development: true, secrets: [SECRET], log: () => undefined });
  const { token, browserCookie } = await signIn(sessions, { userId: "ada" });
  const shared = { value: token, path: "/", httpOnly: true, sameSite: "Lax" };
  const [secure, plain] = ["https://shop.example/", "http://localhost:3000/"];
  expect(browserCookie(secure)).toEqual({ ...shared, name: COOKIE, domain: "shop.example", secure: true });
  expect(browserCookie(plain)).toEqual({ ...shared, name: "sid-sojourn", domain: "localhost", secure: false });
});

test("anything but sessions, and no user, is a TypeError", async () => {
  const sessions = createSessions({ development: true, secrets: [SECRET], log: () => undefined });
  await expect(signIn({} as typeof sessions, { userId: "ada" })).rejects.toThrow(TypeError);
  await expect(signIn(sessions, {} as { userId: string })).rejects.toThrow(TypeError);
});
