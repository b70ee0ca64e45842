import { once } from "node:events";
import type { Server } from "node:http";
import { hasCode, StartError } from "./config.ts";

const portsToTry = 20;

/** Listens on the first free port from `port` on; answers which. Port 0 lets the system choose. */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  const last = Math.min(port + portsToTry, 65_535);
  for (let candidate = port; candidate <= last; candidate += 1) {
    if (await isListening(server, host, candidate)) return boundPort(server);
  }
  throw new StartError(`The ports ${port} to ${last} are all taken: set PORT to a free one.`);
}

/** false when the port is taken; every other failure is thrown. */
async function isListening(server: Server, host: string, port: number): Promise<boolean> {
  server.listen(port, host);
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if (hasCode(error, "EADDRINUSE")) return false;
    throw error;
  }
}

function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("The server does not listen on a port.");
  return address.port;
}

/** Stops listening, lets running requests finish for up to `graceMs`, then cuts what is left. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
