// Makes the built package what is published: small, and with what npm shows and the licence asks for; git ignores the copies.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { minifyPackage } from "./package/minify.mjs";
import { root } from "./tool-paths.mjs";

const library = join(root, "packages", "sojourn");
for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(library, name));
await minifyPackage(library);
