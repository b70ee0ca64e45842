import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The folders of all workspaces, relative to the root, as the lock file lists them. */
export function workspaceFolders(root) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.keys(lock.packages).filter((path) => path !== "" && !path.split("/").includes("node_modules"));
}
