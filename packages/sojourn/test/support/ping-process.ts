/** A process of its own that only pings a redis-server. Argument: port. To each message it answers how long its pings since the last one took. */

import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ADMIN } from "./redis-user.ts";

const socket = connect(Number(process.argv[2]), "127.0.0.1").setNoDelay(true);
await once(socket, "connect");
socket.write(`AUTH ${ADMIN.username} ${ADMIN.password}\r\n`);
await once(socket, "data");
let took: number[] = [];
process.on("message", () => process.send?.(took.splice(0)));
process.once("disconnect", () => process.exit());
process.send?.("ready");
for (;;) {
  const sent = performance.now();
  socket.write("PING\r\n");
  await once(socket, "data");
  took.push(performance.now() - sent);
  await sleep(1);
}
