import { createServer } from "node:http";
import { createSessions, SojournError, type Sessions } from "sojourn";
import { openStore } from "sojourn/open";
import { createApp } from "./app.ts";
import { readConfig, StartError, type Config } from "./config.ts";
import { closeServer, listen } from "./listen.ts";
import { demoAccounts, openUsers } from "./users.ts";

async function start(): Promise<void> {
  const config = await readConfig(process.env);
  const store = await openStore(config.storeUrl);
  const sessions = createSessions({
    store,
    secrets: [config.secret],
    development: config.development,
    // A cookie that turns up in another browser opens nothing until its owner signs in there.
    binding: { onMismatch: "stepUp" },
    // Shown on the account page.
    activity: { automatic: true },
  });
  const server = createServer(createApp(sessions, await openUsers()));
  const port = await listen(server, config.host, config.port);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void stop(server, sessions));
  }
  welcome(config, port);
}

async function stop(server: ReturnType<typeof createServer>, sessions: Sessions): Promise<void> {
  // A store that does not answer must not keep the shop from ending.
  setTimeout(() => process.exit(0), 1_800).unref();
  await closeServer(server, 1_000);
  await sessions.close();
  process.exit(0);
}

function welcome({ host, port: wanted, storeName }: Config, port: number): void {
  const reachable = ["127.0.0.1", "0.0.0.0", "::1", "::"].includes(host) ? "localhost" : host;
  const users = demoAccounts.map(({ username, password }) => `${username} / ${password}`).join(" · ");
  const hint = storeName.startsWith("sqlite") ? " · other store: REDIS_URL=redis://…" : "";
  if (port !== wanted && wanted !== 0) console.log(`Port ${wanted} is taken, so the shop is on ${port}.`);
  console.log(`Sojourn shop    http://${reachable}:${port}        sessions in ${storeName}${hint}
Demo users      ${users}
Ctrl-C ends it.`);
}

try {
  await start();
} catch (error) {
  if (!isForThePersonStartingIt(error)) throw error;
  console.error(`The shop cannot start: ${error.message}`);
  process.exit(1);
}

/** Wrong settings, an unreachable store, a folder or port that is not ours: a sentence helps, a stack does not. */
function isForThePersonStartingIt(error: unknown): error is Error {
  return error instanceof StartError || error instanceof SojournError || (error instanceof Error && "syscall" in error);
}
