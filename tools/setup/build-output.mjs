import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SetupError, progress } from "./progress.mjs";
import { stamp } from "./stamp.mjs";
import { workspaceFolders } from "./workspaces.mjs";

/** Builds when a source changed since the last build. */
export function ensureBuilt({ root, node, env }) {
  if (isBuilt(root)) return;
  const done = progress("build", "compiling");
  const { status, stdout, stderr } = spawnSync(node, [join(root, "tools", "build.mjs")], {
    cwd: root,
    env,
    encoding: "utf8",
  });
  if (status !== 0) {
    done();
    throw new SetupError(`${stdout}${stderr}\nThe build failed: see above.`);
  }
  done("compiled");
}

export function isBuilt(root) {
  return (
    workspaceFolders(root).every((folder) => existsSync(join(root, folder, "dist"))) &&
    built(root).says(sourcesHash(root))
  );
}

/** Notes that `dist` holds what was built from the sources with this hash. */
export function noteBuilt(root, hash) {
  built(root).write(hash);
}

/** One hash over every file that a build reads. */
export function sourcesHash(root) {
  const hash = createHash("sha256");
  const ours = ["package-lock.json", "tsconfig.base.json", "tools/build.mjs", "tools/package/reachable.mjs"];
  for (const file of ours) addFile(hash, root, file);
  for (const folder of workspaceFolders(root)) addFolder(hash, root, folder);
  return hash.digest("hex");
}

function built(root) {
  return stamp(root, ".sojourn-build");
}

// Of a workspace: its package.json and tsconfig files, and all of src.
function addFolder(hash, root, folder) {
  for (const name of readdirSync(join(root, folder)).sort()) {
    if (/^(?:package|tsconfig.*)\.json$/.test(name)) addFile(hash, root, `${folder}/${name}`);
  }
  addSources(hash, root, `${folder}/src`);
}

function addSources(hash, root, folder) {
  if (!existsSync(join(root, folder))) return;
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) addSources(hash, root, path);
    else if (!entry.name.endsWith(".test.ts")) addFile(hash, root, path);
  }
}

function addFile(hash, root, file) {
  hash.update(`${file}\n`).update(readFileSync(join(root, file)));
}
