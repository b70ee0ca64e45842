// Puts what npm shows and what the licence asks for into the package that is about to be packed; git ignores the copies.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tool-paths.mjs";

for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(root, "packages", "sojourn", name));
