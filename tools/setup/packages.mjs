import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { npmFailure } from "./npm.mjs";
import { SetupError, progress } from "./progress.mjs";
import { stamp } from "./stamp.mjs";
import { workspaceFolders } from "./workspaces.mjs";

// Only these fields of a package.json make an installation stale; a new script or export does not.
const installed = [
  "name",
  "bin",
  "workspaces",
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
  "overrides",
];

/** Installs exactly what package-lock.json says, unless that was done already. */
export function ensurePackages({ root }) {
  const wanted = fingerprint(root);
  const last = stamp(root, ".sojourn-setup");
  if (last.says(wanted)) return;
  const done = progress("packages", "installing");
  // Without the includes, NODE_ENV=production would leave out the compiler.
  const failure = npmFailure(["ci", "--ignore-scripts", "--include=dev", "--include=optional"], root);
  if (failure !== undefined) {
    done();
    throw new SetupError(`${failure}\n\n\`npm ci\` failed: see above, then start again.`);
  }
  last.write(wanted);
  done("installed");
}

function fingerprint(root) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  hash.update(readFileSync(join(root, "package-lock.json")));
  for (const folder of ["", ...workspaceFolders(root)]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    hash.update(JSON.stringify(installed.map((field) => manifest[field] ?? null)));
  }
  return hash.digest("hex");
}
