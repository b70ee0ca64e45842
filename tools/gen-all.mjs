// Writes every generated file, or with --check says which is out of date.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generated as benchResults, readmeWith as readmeWithBench } from "./gen-bench.mjs";
import { generate as adapters } from "./gen-adapters.mjs";
import { generate as bucketTags } from "./gen-bucket-tags.mjs";
import { generate as capacity } from "./gen-capacity.mjs";
import { generate as features, readmeWith } from "./gen-feature-table.mjs";
import { generate as expressSession } from "./gen-express-session.mjs";
import { generate as errors } from "./gen-errors.mjs";
import { pageWith as redisWith } from "./gen-redis.mjs";
import { generate as scripts } from "./gen-scripts.mjs";
import { generate as security } from "./gen-security.mjs";

const readme = new URL("../README.md", import.meta.url);
const redisPage = new URL("../docs/reference/redis.md", import.meta.url);
const redis = new URL("../packages/sojourn/src/stores/redis/", import.meta.url);
const files = [
  [new URL("bucket-tags.generated.ts", redis), bucketTags()],
  [new URL("scripts.generated.ts", redis), scripts(new URL("scripts/", redis))],
  [new URL("../docs/reference/adapters.md", import.meta.url), adapters()],
  [new URL("../docs/reference/capacity.md", import.meta.url), capacity()],
  [new URL("../docs/reference/errors.md", import.meta.url), errors()],
  [new URL("../docs/reference/express-session.md", import.meta.url), expressSession()],
  [new URL("../docs/reference/features.md", import.meta.url), features()],
  [redisPage, redisWith(readFileSync(redisPage, "utf8"))],
  [new URL("../docs/reference/security-requirements.md", import.meta.url), security()],
  ...benchResults(),
  [readme, readmeWithBench(readmeWith(readFileSync(readme, "utf8")))],
];

const check = process.argv.includes("--check");
for (const [url, text] of files) {
  if (existsSync(url) && readFileSync(url, "utf8") === text) continue;
  if (check) {
    console.error(`${fileURLToPath(url)} is out of date: run npm run gen`);
    process.exitCode = 1;
  } else {
    writeFileSync(url, text);
    console.log(`wrote   ${fileURLToPath(url)}`);
  }
}
