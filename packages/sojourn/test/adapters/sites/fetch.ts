/** The contract's site as a fetch handler. */

import {
  csrf,
  requireFresh,
  requirePermission,
  requireRole,
  requireUser,
  sojourn,
  type RequestSession,
} from "../../../src/adapters/fetch.ts";
import type { ContractAnswer, ContractRoute, ContractSite } from "../../../src/testing/adapter-contract.ts";
import { peerOf } from "../../support/fetch-server.ts";

const GUARDS = { csrf, requireFresh, requirePermission, requireRole, requireUser };

export function fetchHandler({ sessions, options, routes }: ContractSite): (request: Request) => Promise<Response> {
  const { open } = sojourn(sessions, { ip: peerOf, ...options });
  return async (request) => {
    const opened = await open(request);
    if (opened.refused !== null) return opened.refused;
    const { pathname } = new URL(request.url);
    const asked = request.method === "HEAD" ? "GET" : request.method;
    const route = routes.find((each) => each.path === pathname && each.method === asked);
    if (route === undefined) return opened.commit(new Response(null, { status: 404 }));
    for (const { name, argument } of route.guards ?? []) {
      const refused = await GUARDS[name](argument as never)(opened);
      if (refused !== null) return refused;
    }
    const answer = await answerOf(route, opened.session);
    const { body, status = 200, headers = {} } = answer;
    const response = await opened.commit(new Response(body, { status, headers }));
    await answer.after?.();
    return response;
  };
}

type Answer = ContractAnswer & { readonly status?: number };

/** There is no framework: the handler answers its failures. */
async function answerOf(route: ContractRoute, session: RequestSession): Promise<Answer> {
  try {
    const answered = route.handle(session);
    return answered instanceof Promise ? await answered : answered;
  } catch (error) {
    return { body: "", status: (error as { status?: number }).status ?? 500 };
  }
}
