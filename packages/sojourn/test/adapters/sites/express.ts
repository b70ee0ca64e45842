/** The contract's site as an Express application. */

import express, { type Express, type Response } from "express";
import {
  csrf,
  requireFresh,
  requirePermission,
  requireRole,
  requireUser,
  sojourn,
} from "../../../src/adapters/express.ts";
import type { ContractRoute, ContractSite } from "../../../src/testing/adapter-contract.ts";

const GUARDS = { csrf, requireFresh, requirePermission, requireRole, requireUser };

export function expressApp(app: Express, { sessions, options, routes }: ContractSite): Express {
  app.use(express.urlencoded({ extended: false }), sojourn(sessions, options));
  for (const route of routes) {
    const method = route.method === "GET" ? ("get" as const) : ("post" as const);
    const guards = (route.guards ?? []).map(({ name, argument }) => GUARDS[name](argument as never));
    app[method](route.path, ...guards, (req, res, next) => {
      // Express 4 does not look at promises.
      run(route, (req as unknown as { session: never }).session, res).catch(next);
    });
  }
  const reported: express.ErrorRequestHandler = (error: { status?: number }, _req, res, _next) => {
    res.status(error.status ?? 500).end();
  };
  app.use(reported);
  return app;
}

async function run(
  route: ContractRoute,
  session: Parameters<ContractRoute["handle"]>[0],
  res: Response,
): Promise<void> {
  const answered = route.handle(session);
  const answer = answered instanceof Promise ? await answered : answered;
  res.set(answer.headers ?? {});
  if (answer.after === undefined) {
    res.send(answer.body);
    return;
  }
  res.write(answer.body);
  await answer.after();
  res.end();
}
