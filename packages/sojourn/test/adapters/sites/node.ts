/** The contract's site as a listener of node:http. */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import {
  csrf,
  requireFresh,
  requirePermission,
  requireRole,
  requireUser,
  sojourn,
  type NodeStep,
  type SessionRequest,
} from "../../../src/adapters/node.ts";
import type { ContractAnswer, ContractRoute, ContractSite } from "../../../src/testing/adapter-contract.ts";

const GUARDS = { csrf, requireFresh, requirePermission, requireRole, requireUser };

/** Routes and guards awaited one after the other. */
export function nodeListener({ sessions, options, routes }: ContractSite): RequestListener {
  return sojourn(sessions, options).handler(async (req, res) => {
    const route = routeOf(routes, req);
    if (route === undefined) return void res.writeHead(404).end();
    await parseForm(req);
    for (const { name, argument } of route.guards ?? []) {
      if (!(await GUARDS[name](argument as never)(req, res))) return;
    }
    const answered = route.handle(req.session);
    await sendAnswer(answered instanceof Promise ? await answered : answered, res);
  });
}

/** The same through middleware that calls back. */
export function connectListener({ sessions, options, routes }: ContractSite): RequestListener {
  const session = sojourn(sessions, options);
  return (req, res) => {
    const route = routeOf(routes, req);
    const guards = (route?.guards ?? []).map(({ name, argument }) => GUARDS[name](argument as never));
    const parse: NodeStep = async (_req, _res, next) => parseForm(req).then(() => (next?.(), true));
    const handle: NodeStep = async () => {
      if (route === undefined) res.writeHead(404).end();
      else await answerWith(route, req as SessionRequest, res);
      return true;
    };
    stepThrough([session, parse, ...guards, handle], req, res);
  };
}

async function answerWith(route: ContractRoute, req: SessionRequest, res: ServerResponse): Promise<void> {
  try {
    const answered = route.handle(req.session);
    await sendAnswer(answered instanceof Promise ? await answered : answered, res);
  } catch (error) {
    res.writeHead((error as { status?: number }).status ?? 500).end();
  }
}

function stepThrough(steps: readonly NodeStep[], req: IncomingMessage, res: ServerResponse): void {
  const [step, ...rest] = steps;
  void step?.(req, res, (error) => {
    if (error === undefined) stepThrough(rest, req, res);
    else res.writeHead((error as { status?: number }).status ?? 500).end();
  });
}

function routeOf(routes: readonly ContractRoute[], { method, url = "/" }: IncomingMessage): ContractRoute | undefined {
  const asked = method === "HEAD" ? "GET" : method;
  return routes.find((each) => each.method === asked && each.path === url.split("?", 1)[0]);
}

async function parseForm(req: IncomingMessage & { body?: unknown }): Promise<void> {
  if (req.headers["content-type"] !== "application/x-www-form-urlencoded") return;
  req.body = Object.fromEntries(new URLSearchParams(await text(req)));
}

async function sendAnswer({ body, headers = {}, after }: ContractAnswer, res: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (after === undefined) return void res.end(body);
  res.write(body);
  await after();
  res.end();
}
