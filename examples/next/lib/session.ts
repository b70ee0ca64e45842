/** Next.js gives headers and takes cookies; `sojourn/fetch` takes a Request and gives a Response. This stands between. */

import { cookies, headers } from "next/headers";
import type { OpenedRequest } from "sojourn/fetch";
import { type Data, site } from "./sessions";

/** The session as a page sees it. Nothing can be set while a page is rendered: a token that is due goes out with the next action. */
export async function readSession(): Promise<OpenedRequest<Data>["session"]> {
  const opened = await openAs("GET");
  if (opened.refused !== null) throw new Error(`The session cannot be read: ${opened.refused.status}`);
  return opened.session;
}

/**
 * Runs a server action with the session of its request, and gives the browser the cookie that comes of it. An action from
 * another site does not run.
 */
export async function withSession<T>(action: (session: OpenedRequest<Data>["session"]) => Promise<T>): Promise<T> {
  const opened = await openAs("POST");
  if (opened.refused !== null) throw new Error(`Refused: ${opened.refused.status}`);
  const result = await action(opened.session);
  const response = await opened.commit(new Response(null));
  if (!response.ok) throw new Error(`The session cannot be written: ${response.status}`);
  const jar = await cookies();
  for (const line of response.headers.getSetCookie()) put(jar, line);
  return result;
}

async function openAs(method: "GET" | "POST"): Promise<OpenedRequest<Data>> {
  const all = new Headers(await headers());
  const scheme = all.get("x-forwarded-proto") ?? "https";
  const url = `${scheme}://${all.get("host") ?? "localhost"}/`;
  return site().adapter.open(new Request(url, { method, headers: all }));
}

type Jar = Awaited<ReturnType<typeof cookies>>;

function put(jar: Jar, line: string): void {
  const [pair = "", ...attributes] = line.split("; ");
  const at = pair.indexOf("=");
  const said = new Map(attributes.map((each) => [each.split("=")[0] ?? "", each.split("=")[1] ?? ""]));
  const maxAge = said.get("Max-Age");
  jar.set(pair.slice(0, at), pair.slice(at + 1), {
    httpOnly: true,
    secure: said.has("Secure"),
    sameSite: (said.get("SameSite") ?? "Lax").toLowerCase() as "lax" | "strict" | "none",
    path: said.get("Path") ?? "/",
    ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
  });
}
