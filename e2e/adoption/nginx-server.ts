/** Debian's nginx before the applications, for one run: on a free port of loopback, in a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../packages/sojourn/test/support/redis-server.ts";

export interface Shares {
  /** Ports of servers, and how many requests of so many each of them gets. */
  readonly weights: ReadonlyMap<number, number>;
  /** Port of the server that gets every request with Sojourn's cookie; null: they are shared out like all others. */
  readonly takenOver: number | null;
}

export class NginxServer {
  readonly origin: string;
  readonly #port: number;
  readonly #folder: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, folder: string) {
    this.#port = port;
    this.origin = `http://127.0.0.1:${port}`;
    this.#folder = folder;
  }

  static async start(shares: Shares): Promise<NginxServer> {
    const server = new NginxServer(await freePort(), await mkdtemp(join(tmpdir(), "sojourn-nginx-")));
    await server.#configure(shares);
    server.#process = spawn("nginx", server.#arguments, { stdio: ["ignore", "ignore", "inherit"] });
    while (
      !(await fetch(`${server.origin}/-/up`).then(
        ({ ok }) => ok,
        () => false,
      ))
    ) {
      if (server.#process.exitCode !== null) throw new Error(`nginx ended with ${server.#process.exitCode}`);
      await sleep(20);
    }
    return server;
  }

  /** As an operator rolls over: another configuration, reloaded while requests go on. */
  async share(shares: Shares): Promise<void> {
    await this.#configure(shares);
    const [status] = (await once(spawn("nginx", [...this.#arguments, "-s", "reload"]), "exit")) as [number];
    if (status !== 0) throw new Error(`nginx -s reload ended with ${status}`);
    // The workers of before answer what they have begun, and no longer.
    await sleep(300);
  }

  async stop(): Promise<void> {
    if (this.#process?.exitCode === null) {
      const ended = once(this.#process, "exit");
      if (this.#process.kill("SIGTERM")) await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #arguments(): string[] {
    return ["-p", this.#folder, "-c", join(this.#folder, "nginx.conf"), "-e", "stderr"];
  }

  #configure({ weights, takenOver }: Shares): Promise<void> {
    const servers = [...weights].filter(([, weight]) => weight > 0);
    const shared = servers.map(([port, weight]) => `server 127.0.0.1:${port} weight=${weight};`).join(" ");
    const upstreams = { shared, taken_over: takenOver === null ? shared : `server 127.0.0.1:${takenOver};` };
    return writeFile(join(this.#folder, "nginx.conf"), configuration(this.#port, this.#folder, upstreams));
  }
}

function configuration(port: number, folder: string, upstreams: Readonly<Record<string, string>>): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off;
  ${scratch.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
  ${Object.entries(upstreams)
    .map(([name, servers]) => `upstream ${name} { ${servers} keepalive 32; }`)
    .join("\n  ")}
  map $http_cookie $application {
    "~__Host-Http-sid=" taken_over;
    default shared;
  }
  server {
    listen 127.0.0.1:${port};
    location = /-/up { return 200; }
    location / {
      proxy_pass http://$application;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`;
}
