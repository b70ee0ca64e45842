import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

// What users install; of the development tree only what would bind whoever changes the code is refused.
const ALLOWED = /^(?:MIT|MIT-0|ISC|BSD-[23]-Clause|0BSD|Apache-2\.0|BlueOak-1\.0\.0|Unlicense|CC0-1\.0)$/;
const FORBIDDEN = /\b(?:AGPL|GPL|SSPL)-/;

export const usersMayInstall = (licence) => alternatives(licence).some((all) => all.every((id) => ALLOWED.test(id)));
export const weMayDevelopWith = (licence) =>
  alternatives(licence).some((all) => all.length > 0 && !all.some((id) => FORBIDDEN.test(`${id}-`)));

/** The packages in a folder's lock file whose licence is refused, each as one line. */
export function refusedIn(folder, accepts) {
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(([path, { link }]) => path !== "" && !link)
    .map(([path, entry]) => [path, entry.license ?? SAID_IN_README.get(path) ?? manifestLicence(join(folder, path))])
    .filter(([, licence]) => licence !== NOT_INSTALLED && !accepts(licence))
    .map(([path, licence]) => `licence of ${path}: ${licence || "none"}`);
}

// What passport needs, for its tests only; its manifest names no licence.
const SAID_IN_README = new Map([["node_modules/pause", "MIT"]]);

// The binaries of other systems, which tools/lock-platforms.mjs adds: same source, same licence as the one for this system.
const NOT_INSTALLED = Symbol("not installed");

function manifestLicence(folder) {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return NOT_INSTALLED;
  // Packages of before 2014 have a list, of which one is enough.
  const { licenses, license = licenses?.map(({ type }) => type).join(" OR ") } = JSON.parse(readFileSync(file, "utf8"));
  return typeof license === "object" && license !== null ? license.type : license;
}

/** `(MIT OR GPL-2.0) AND X` as the lists of licences of which one whole list is enough; no licence gives one empty list. */
function alternatives(expression) {
  const words = (expression ?? "").match(/[()]|[^\s()]+/g) ?? [];
  const either = () => {
    let lists = both();
    while (words[0] === "OR") lists = (words.shift(), [...lists, ...both()]);
    return lists;
  };
  const both = () => {
    let lists = one();
    while (words[0] === "AND") {
      words.shift();
      const more = one();
      lists = lists.flatMap((list) => more.map((other) => [...list, ...other]));
    }
    return lists;
  };
  const one = () => {
    const word = words.shift();
    if (word !== "(") return word === undefined ? [] : [[word]];
    const lists = either();
    words.shift();
    return lists;
  };
  return either();
}
