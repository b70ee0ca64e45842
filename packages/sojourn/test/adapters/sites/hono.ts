/** The contract's site as a Hono application. */

import { Hono } from "hono";
import {
  csrf,
  requireFresh,
  requirePermission,
  requireRole,
  requireUser,
  sojourn,
  type HonoOptions,
  type SojournEnv,
} from "../../../src/adapters/hono.ts";
import type { ContractAnswer, ContractSite } from "../../../src/testing/adapter-contract.ts";

const GUARDS = { csrf, requireFresh, requirePermission, requireRole, requireUser };

export function honoApp(
  { sessions, options, routes }: ContractSite,
  more: Pick<HonoOptions, "ip"> = {},
): Hono<SojournEnv> {
  const app = new Hono<SojournEnv>();
  app.use(sojourn(sessions, { ...more, ...options }));
  app.onError((error, c) => c.body(null, ((error as { status?: number }).status ?? 500) as 500));
  for (const route of routes) {
    const guards = (route.guards ?? []).map(({ name, argument }) => GUARDS[name](argument as never));
    app.on(route.method, [route.path], ...guards, (c): Response | Promise<Response> => {
      const answered = route.handle(c.var.session);
      return answered instanceof Promise ? answered.then(responseOf) : responseOf(answered);
    });
  }
  return app;
}

function responseOf({ body, headers = {}, after }: ContractAnswer): Response {
  return new Response(after === undefined ? body : streamOf(body, after), { headers });
}

/** Nothing of it is asked for before the headers have been made. */
function streamOf(body: string, after: () => Promise<void>): ReadableStream<Uint8Array> {
  let begun = false;
  return new ReadableStream(
    {
      async pull(controller) {
        if (!begun) controller.enqueue(new TextEncoder().encode(body));
        else {
          await after();
          controller.close();
        }
        begun = true;
      },
    },
    { highWaterMark: 0 },
  );
}
