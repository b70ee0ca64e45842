/** Debian's nginx before the applications, for one run: on a free port of loopback, in a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../packages/sojourn/test/support/redis-server.ts";

/** Ports of servers, and how many requests of so many each of them gets. */
export type Shares = ReadonlyMap<number, number>;

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

  #configure(shares: Shares): Promise<void> {
    const servers = [...shares].filter(([, weight]) => weight > 0);
    const upstream = servers.map(([port, weight]) => `server 127.0.0.1:${port} weight=${weight};`).join(" ");
    return writeFile(join(this.#folder, "nginx.conf"), configuration(this.#port, this.#folder, upstream));
  }
}

function configuration(port: number, folder: string, upstream: string): string {
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
  upstream application { ${upstream} keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    location = /-/up { return 200; }
    location / {
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`;
}
