import type { Express } from "express";

/** Listens on a free port and prints it, for whoever started this process. */
export function printPort(app: Express): void {
  const server = app.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object" && address !== null) console.log(address.port);
  });
}
