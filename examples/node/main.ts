/** node:http: `node examples/node/main.ts` */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { requireUser, sojourn } from "sojourn/node";
import { listening, port, sessions } from "../sessions.ts";

const signedIn = requireUser();

const server = createServer(
  sojourn(sessions).handler(async (req, res) => {
    const { session } = req;
    const answer = (body: object): unknown =>
      res.setHeader("Content-Type", "application/json").end(JSON.stringify(body));
    switch (`${req.method} ${req.url}`) {
      case "POST /login": {
        const { name } = (await json(req)) as { name: string };
        await session.login({ userId: name, keep: ["visits"] });
        return answer({ hello: session.userId });
      }
      case "GET /visits":
        return answer({ visits: await session.increment("visits") });
      case "GET /me":
        return (await signedIn(req, res)) && answer({ you: session.userId, ...session.data });
      case "POST /logout":
        return answer({ ended: await session.logout() });
      default:
        return res.writeHead(404).end();
    }
  }),
).listen(port, () => listening((server.address() as AddressInfo).port));
