// Completes package-lock.json after `npm install`: a registry mirror that lacks the binaries of other systems makes npm
// leave them out of the lock file, and then `npm ci` refuses it everywhere. Their versions are exact in the package that
// lists them; only the checksum cannot be known. Usage: node tools/lock-platforms.mjs [--check]
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tool-paths.mjs";

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const file = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(file, "utf8"));
const missing = Object.values(lock.packages).flatMap(missingBinaries);

if (process.argv.includes("--check")) {
  for (const [path] of missing) console.error(`package-lock.json lacks ${path}: run node tools/lock-platforms.mjs`);
  process.exitCode = missing.length > 0 ? 1 : 0;
} else if (missing.length > 0) {
  const entries = [...Object.entries(lock.packages), ...missing].toSorted(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
  console.log(`${missing.length} packages for other systems added to package-lock.json.`);
}

function missingBinaries({ dev, optionalDependencies = {} }) {
  return Object.entries(optionalDependencies).flatMap(([name, version]) => {
    const path = `node_modules/${name}`;
    const platform = platformOf(name);
    if (lock.packages[path] || platform === undefined) return [];
    const { cpu, libc, os } = platform;
    // In npm's order of fields, so that the next `npm install` changes nothing.
    return [[path, { version, cpu, ...(dev && { dev }), ...(libc && { libc }), optional: true, os }]];
  });
}

// Binary packages say in their name where they run: `@oxlint/binding-linux-arm64-musl`.
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) => systems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  if (os === undefined || cpu === undefined) return undefined;
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return { cpu: [cpu], libc: libc && [libc], os: [os] };
}
