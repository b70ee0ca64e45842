/** What a response does to its client's token when its headers leave long after the session was read. */

import { expect, test } from "vitest";
import { type OpenedRequest, sojourn } from "../../src/adapters/fetch.ts";
import { createSessions, memoryStore } from "../../src/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { COOKIE, SECRET } from "../support/express-site.ts";

const SECOND = 1_000;
const SHOP = "https://shop.example";

async function shop() {
  const clock = manualClock();
  const sessions = createSessions({
    store: memoryStore({ clock }),
    secrets: [SECRET],
    clock,
    transport: { header: "authorization" },
  });
  const { open } = sojourn(sessions);
  const { token } = await sessions.create({ userId: "ada" });
  const asking = (value = token) => open(new Request(SHOP, { headers: { Cookie: `${COOKIE}=${value}` } }));
  /** What the jar is told by a response that is sent after so many seconds. */
  const sent = async (opened: OpenedRequest, seconds: number): Promise<string[]> => {
    await clock.advance(seconds * SECOND);
    const { headers } = await opened.commit(new Response("ok"));
    expect(headers.get("cache-control")).toBe("no-store");
    return headers.getSetCookie().map((line) => line.split(";")[0]?.slice(COOKIE.length + 1) ?? "");
  };
  return { clock, sessions, token, open, asking, sent };
}

test("E4 the successor of a token is sent within half the grace, and dropped later: the next response brings it", async () => {
  const { sessions, token, asking, sent } = await shop();
  const successor = (await sessions.rotate(token))?.token;
  const [soon, late] = [await asking(), await asking()];
  expect(await sent(soon, 14)).toEqual([successor]);
  expect(await sent(late, 2)).toEqual([]);
  expect(await sent(await asking(), 0)).toEqual([successor]);
});

test("E4 so is the token of a rotation by the handler", async () => {
  const { asking, sent } = await shop();
  const [soon, late] = [await asking(), await asking()];
  for (const { session } of [soon, late]) await session.rotate();
  const [successor] = await sent(soon, 0);
  expect(successor).toMatch(/^1/);
  expect(await sent(late, 16)).toEqual([]);
});

test("a request goes by the token that it brought: a rotation by the handler does not use up a successor nobody has seen", async () => {
  const { clock, sessions, token, asking } = await shop();
  await sessions.rotate(token);
  const lost = await asking();
  await lost.session.rotate();
  await lost.session.rotate();
  await clock.advance(40 * SECOND);
  expect(await sessions.validate(token)).toMatchObject({ valid: true });
});

test("a rotation that was answered with the token the request brought sets no cookie", async () => {
  const { clock, sessions, token, asking, sent } = await shop();
  const current = (await sessions.rotate(token))?.token ?? "";
  await sessions.validate(current);
  await clock.advance(35 * SECOND);
  const opened = await asking(current);
  await opened.session.rotate();
  expect(await sent(opened, 0)).toEqual([]);
});

test("a login, also one that was rotated since, and a logout are sent however late", async () => {
  const { open, asking, sent } = await shop();
  const [login, logout] = [await open(new Request(SHOP)), await asking()];
  await login.session.login({ userId: "grace" });
  await login.session.rotate();
  await logout.session.logout();
  expect(await sent(login, 120)).toEqual([expect.stringMatching(/^1.{92}$/)]);
  expect(await sent(logout, 120)).toEqual([""]);
});

test("a cookie that is of no use is removed within half the grace, and not when a login may have replaced it", async () => {
  const { sessions, token, asking, sent } = await shop();
  await sessions.logout(token);
  const [soon, late] = [await asking(), await asking()];
  expect(await sent(soon, 10)).toEqual([""]);
  expect(await sent(late, 10)).toEqual([]);
});

test("with the header transport the handler is given what may still be sent", async () => {
  const { clock, sessions, token, open } = await shop();
  const successor = (await sessions.rotate(token))?.token;
  const opened = await open(new Request(SHOP, { headers: { Authorization: `Bearer ${token}` } }));
  expect(opened.session.token).toBe(successor);
  await clock.advance(16 * SECOND);
  expect(opened.session.token).toBeNull();
});
