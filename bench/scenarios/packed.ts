/** What users install: the library packed as it is published, from a copy, so that what is measured here stays as built. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execFileSync } from "node:child_process";
import type { Scenario } from "../harness/scenario.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Packed {
  readonly bytes: number;
  readonly forServers: number;
  readonly forApplication: number;
  readonly faults: readonly string[];
}
interface Tarball {
  readonly packedForServers: (folder: string) => number;
  readonly packedForApplication: (folder: string) => number;
  readonly faultsOf: (folder: string, tarballBytes: number) => string[];
}
interface Minify {
  readonly minifyPackage: (folder: string) => Promise<void>;
}
interface Npm {
  readonly npmFailure: (args: readonly string[], cwd: string) => string | undefined;
}

export const packed: Scenario = {
  name: "packed",
  title: "The package",
  isQuick: false,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "sojourn-packed-"));
    try {
      const { bytes, forServers, forApplication, faults } = await packedIn(folder);
      return {
        method: [
          "npm pack of a copy that is made small as for publishing. The budget is for what a server can load: all but the suites of sojourn/testing (docs/decisions/0022-what-an-application-loads.md).",
          "Faults: dependencies of any kind, install scripts, peers that are not optional, missing files, tests or sources in the package.",
        ],
        rates: [],
        facts: [
          {
            title: "Bytes",
            columns: ["what", "bytes"],
            rows: [
              ["what a server can load, packed", String(forServers)],
              ["what an application of Express on Redis loads, its JavaScript, packed", String(forApplication)],
              ["the whole tarball", String(bytes)],
              ["faults", faults.length === 0 ? "none" : faults.join("; ")],
            ],
          },
        ],
        measured: [
          { budget: "packed", value: forServers },
          { budget: "packed.application", value: forApplication },
          { budget: "packed.faults", value: faults.length },
        ],
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function packedIn(folder: string): Promise<Packed> {
  const { minifyPackage } = await tool<Minify>("package/minify.mjs");
  const { npmFailure } = await tool<Npm>("setup/npm.mjs");
  const { packedForApplication, packedForServers, faultsOf } = await tool<Tarball>("package/tarball.mjs");
  const library = join(folder, "library");
  for (const name of ["dist", "package.json"]) {
    cpSync(join(root, "packages", "sojourn", name), join(library, name), { recursive: true });
  }
  for (const name of ["README.md", "LICENSE"]) cpSync(join(root, name), join(library, name));
  await minifyPackage(library);
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked);
  const failure = npmFailure(["pack", "--ignore-scripts", "--pack-destination", folder], library);
  if (failure !== undefined) throw new Error(`npm pack failed: ${failure}`);
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
  execFileSync("tar", ["-xzf", tarball, "-C", unpacked]);
  const content = join(unpacked, "package");
  const { size } = statSync(tarball);
  return {
    bytes: size,
    forServers: packedForServers(content),
    forApplication: packedForApplication(content),
    faults: faultsOf(content, size),
  };
}

/** A module of `tools/`, which are JavaScript. */
async function tool<T>(path: string): Promise<T> {
  return (await import(new URL(`../../tools/${path}`, import.meta.url).href)) as T;
}
