/** A private certificate authority with a certificate for this machine, made by openssl. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Authority {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** TLS on the server's port, in place of plain connections. */
  serverSettings(port: number, clients: "no" | "yes"): readonly string[];
  /** For redis-cli. */
  readonly asClient: readonly string[];
}

export function newAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-tls-"));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): unknown => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "2",
    "-subj",
    "/CN=a private authority",
  );
  openssl("req", ...key, "-keyout", "it.key", "-out", "it.csr", "-subj", "/CN=localhost");
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost");
  const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "it.csr", ...signed, "-out", "it.crt");
  return {
    ca: readFileSync(file("ca.crt")),
    cert: readFileSync(file("it.crt")),
    key: readFileSync(file("it.key")),
    asClient: ["--tls", "--cacert", file("ca.crt"), "--cert", file("it.crt"), "--key", file("it.key")],
    serverSettings: (port, clients) => {
      const own = ["--tls-port", String(port), "--tls-cert-file", file("it.crt"), "--tls-key-file", file("it.key")];
      return [...own, "--tls-ca-cert-file", file("ca.crt"), "--tls-auth-clients", clients];
    },
  };
}
