/** Every adapter that the contract runs on; docs/reference/adapters.md is generated from this list. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import express from "express";
import express4 from "express4";
import type { ContractSite, ServedSite } from "../../../src/testing/adapter-contract.ts";
import { fetchListener, peerOf } from "../../support/fetch-server.ts";
import { expressApp } from "./express.ts";
import { fastifyApp, listening, sendByRaw as sendByFastifysRaw, sendByReply } from "./fastify.ts";
import { fetchHandler } from "./fetch.ts";
import { honoApp } from "./hono.ts";
import { koaListener, sendByContext, sendByRaw as sendByKoasRaw } from "./koa.ts";
import { connectListener, nodeListener } from "./node.ts";
import { served } from "./served.ts";

export const ADAPTERS: readonly (readonly [name: string, start: (site: ContractSite) => Promise<ServedSite>])[] = [
  ["Express 5", (site) => served(expressApp(express(), site))],
  ["Express 4", (site) => served(expressApp((express4 as typeof express)(), site))],
  ["Fastify 5", (site) => listening(fastifyApp(site, sendByReply))],
  ["Fastify 5, replies hijacked", (site) => listening(fastifyApp(site, sendByFastifysRaw))],
  ["Koa 3", (site) => served(koaListener(site, sendByContext))],
  ["Koa 3, `ctx.respond = false`", (site) => served(koaListener(site, sendByKoasRaw))],
  ["Hono 4 on Node", honoOnNode],
  ["Hono 4, `app.fetch`", honoAsHandler],
  ["node:http", (site) => served(nodeListener(site))],
  ["node:http, middleware", (site) => served(connectListener(site))],
  ["fetch", (site) => served(fetchListener(fetchHandler(site)))],
];

async function honoOnNode(site: ContractSite): Promise<ServedSite> {
  const server: ServerType = serve({
    fetch: honoApp(site).fetch,
    port: 0,
    hostname: "127.0.0.1",
    overrideGlobalObjects: false,
  });
  if (!server.listening) await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function honoAsHandler(site: ContractSite): Promise<ServedSite> {
  const app = honoApp(site, { ip: ({ req }) => peerOf(req.raw) });
  return served(fetchListener(async (request) => app.fetch(request)));
}
