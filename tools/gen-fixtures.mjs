// Writes the fixtures that hold the stored formats still: records and tokens that every later version must read.
// Frozen: a file that is there is never written again. Not part of `gen-all`: run it once, after adding a case.
import { createHash, hash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { encodeRecord, RECORD_VERSION } from "../packages/sojourn/src/data/record.ts";
import { KeyRing } from "../packages/sojourn/src/security/keyring.ts";
import { MAX_GENERATION, TokenSigner } from "../packages/sojourn/src/security/token.ts";
import { bucketCharacters } from "../packages/sojourn/src/data/session-id.ts";

const fixtures = new URL("../packages/sojourn/test/fixtures/", import.meta.url);
const records = new URL(`records/v${RECORD_VERSION}/`, fixtures);
const tokens = new URL("tokens/", fixtures);

/** Bytes that look random and are the same in every run. */
function bytesOf(label, length) {
  return createHash("shake256", { outputLength: length }).update(label).digest();
}

const STARTED = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const DAY = 86_400_000;
const HEADER = {
  confirmed: false,
  locked: false,
  aal: 1,
  revision: 0,
  generation: 0,
  floor: 0,
  createdAt: STARTED,
  lastSeenAt: STARTED,
  absoluteExpiresAt: STARTED + 7 * DAY,
  idleMs: DAY,
  authenticatedAt: STARTED,
  userEpoch: 0,
};
const ADA = { id: "ada", hash: "Qm9vbGVhbkFkYTEy" };
const DEVICE = {
  ip: "2001:db8::7",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
};

/** A plain field from its JSON text, so that the corpus says exactly which bytes are stored. */
function plain(name, text) {
  return { name, encrypted: false, bytes: Buffer.from(text, "utf8") };
}

function encrypted(name, length) {
  return { name, encrypted: true, bytes: bytesOf(`encrypted ${name}`, length) };
}

function rotation(state, label, blanked) {
  return {
    state,
    graceUntil: STARTED + 600_000,
    since: STARTED + 600_000,
    otherHash: bytesOf(`${label} other hash`, 16),
    wrap: blanked ? Buffer.alloc(32) : bytesOf(`${label} wrap`, 32),
    wrapKeyId: 0xc0ff_ee01,
  };
}

const GREATEST_TIME = 2 ** 48 - 1;

const RECORDS = {
  "anonymous-empty": { header: { aal: 0 }, metadata: { policy: "anonymous" } },
  "user-with-device": {
    header: { confirmed: true, aal: 2, revision: 3, userEpoch: STARTED - DAY },
    user: ADA,
    metadata: {
      policy: "normal",
      device: { ...DEVICE, name: "Ada's phone" },
      loginMethod: "passkey",
      amr: ["pwd", "otp"],
      serverId: "web-1",
    },
    fields: [plain("cart", '{"items":[{"sku":"a-1","n":2}]}'), plain("visits", "41"), plain("theme", '"dark"')],
  },
  "long-user-agent": {
    user: { id: "u".repeat(255), hash: "0123456789abcdef" },
    metadata: {
      policy: "rememberMe",
      device: { userAgent: `Mozilla/5.0 ${"(compatible; é) ".repeat(40)}`.slice(0, 512) },
    },
    fields: [plain("n", "1")],
  },
  "rotation-pending": {
    header: { generation: 7, floor: 2 },
    user: ADA,
    rotation: rotation("pending", "pending", false),
    metadata: { policy: "normal" },
    fields: [plain("n", "1")],
  },
  "rotation-confirmed": {
    header: { confirmed: true, generation: 8, floor: 8 },
    user: ADA,
    rotation: rotation("confirmed", "confirmed", true),
    metadata: { policy: "normal" },
    fields: [plain("n", "1")],
  },
  "encrypted-among-plain": {
    user: ADA,
    metadata: { policy: "sensitive" },
    fields: [
      encrypted("card", 61),
      plain("a", "1"),
      encrypted("empty", 0),
      plain("b", '"two"'),
      plain("c", "[3]"),
      encrypted("iban", 44),
    ],
  },
  "encrypted-only": { metadata: { policy: "anonymous" }, fields: [encrypted("x", 29), encrypted("y", 30)] },
  "fields-256": {
    user: ADA,
    metadata: { policy: "normal" },
    fields: Array.from({ length: 256 }, (_, i) => (i % 16 === 15 ? encrypted(`e${i}`, 5) : plain(`f${i}`, String(i)))),
  },
  "non-ascii": {
    user: { id: "Žofie 👩‍🚀", hash: "_-_-_-_-_-_-_-_-" },
    metadata: { policy: "běžná", device: { name: "Žofiin telefon 📱" }, loginMethod: "čip" },
    fields: [
      plain("名前", '"ゾフィー"'),
      plain("🦊", '{"🦊":["e\u0301","\u00e9"]}'),
      plain("\u0000", '"\\u0000\u2028\u2029\ufeff"'),
      plain("constructor", "1"),
      plain("toString", "2"),
    ],
  },
  locked: {
    header: { confirmed: true, locked: true, aal: 3, authenticatedAt: STARTED + 1_000 },
    user: ADA,
    metadata: { policy: "aal3" },
  },
  "all-flags": {
    header: { confirmed: true, locked: true, generation: 1 },
    user: ADA,
    rotation: rotation("pending", "all flags", false),
    metadata: { policy: "normal", device: DEVICE },
    fields: [plain("n", "-9007199254740991"), encrypted("e", 28)],
  },
  "all-metadata": {
    user: ADA,
    metadata: {
      policy: "normal",
      device: { ...DEVICE, platform: "Linux", "": "an empty name", city: "" },
      loginMethod: "",
      amr: [],
      serverId: "web-2",
      migratedAt: STARTED + 5_000,
      security: {
        failedLogins: 3,
        suspicious: { why: "address changed", at: STARTED + 7_000 },
        passwordChangedAt: STARTED - 30 * DAY,
      },
    },
  },
  "json-values": {
    metadata: { policy: "anonymous" },
    fields: [
      plain("commas", '"a,b],[\\"c\\""'),
      plain("numbers", "[0,-1,0.1,1e+21,5e-324,1.7976931348623157e+308]"),
      plain("literals", "[null,true,false,{},[]]"),
      plain("nested", '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
      plain("escapes", '"\\\\ \\/ \\b\\f\\n\\r\\t \\ud83e\\udd8a \\ud800"'),
    ],
  },
  "data-version": {
    user: ADA,
    metadata: { policy: "normal" },
    fields: [plain("cart", '["mug"]'), encrypted("note", 34), plain("\u0000v", "2")],
  },
  "greatest-values": {
    header: {
      confirmed: true,
      locked: true,
      aal: 3,
      revision: 2 ** 32 - 1,
      generation: 2 ** 24 - 1,
      floor: 2 ** 24 - 1,
      createdAt: GREATEST_TIME,
      lastSeenAt: GREATEST_TIME,
      absoluteExpiresAt: GREATEST_TIME,
      idleMs: GREATEST_TIME,
      authenticatedAt: GREATEST_TIME,
      userEpoch: GREATEST_TIME,
    },
    user: { id: "é".repeat(127), hash: "zzzzzzzzzzzzzzzz" },
    rotation: {
      ...rotation("confirmed", "greatest", false),
      graceUntil: GREATEST_TIME,
      since: GREATEST_TIME,
      wrapKeyId: 2 ** 32 - 1,
    },
    metadata: { policy: "p".repeat(4096 - '{"p":""}'.length) },
    fields: [plain("n".repeat(128), "9007199254740991"), encrypted("é".repeat(64), 300)],
  },
};

const TOKENS = [
  { namespace: "sojourn", secrets: [secretOf("a")], bucket: 0, generation: 0 },
  { namespace: "sojourn", secrets: [secretOf("a")], bucket: 1023, generation: MAX_GENERATION },
  { namespace: "shop.eu-1", secrets: [secretOf("a")], bucket: 517, generation: 63 },
  { namespace: "sojourn", secrets: [secretOf("b"), secretOf("a")], bucket: 64, generation: 64 },
  { namespace: "n", secrets: [`${secretOf("long")} žluťoučký ${"k".repeat(100)}`], bucket: 63, generation: 4096 },
];

function secretOf(label) {
  return bytesOf(`key ring secret ${label}`, 32).toString("base64url");
}

function recordOf(name, { header = {}, user = null, rotation: block = null, metadata, fields = [] }) {
  const tokenHash = bytesOf(`${name} token hash`, 16);
  return { header: { ...HEADER, tokenHash, ...header }, user, rotation: block, metadata, fields };
}

/** What the record must decode to, said without the decoder. */
function expectationOf({ header, user, rotation: block, metadata, fields }) {
  const plainFields = fields.filter((field) => !field.encrypted);
  return {
    ...header,
    expiresAt: Math.min(header.lastSeenAt + header.idleMs, header.absoluteExpiresAt),
    tokenHash: header.tokenHash.toString("hex"),
    userId: user?.id ?? null,
    userHash: user?.hash ?? null,
    rotation:
      block === null
        ? null
        : { ...block, otherHash: block.otherHash.toString("hex"), wrap: block.wrap.toString("hex") },
    metadata,
    data: Object.fromEntries(plainFields.map((field) => [field.name, JSON.parse(field.bytes.toString("utf8"))])),
    fields: fields.map(({ name, encrypted: hidden, bytes }) => ({
      name,
      encrypted: hidden,
      hex: bytes.toString("hex"),
    })),
  };
}

function vectorOf({ namespace, secrets, bucket, generation }, i) {
  const id = bucketCharacters(bucket) + bytesOf(`token id ${i}`, 16).toString("base64url");
  const secret = bytesOf(`token secret ${i}`, 32);
  const { token } = new TokenSigner(new KeyRing(secrets), namespace).compose(id, generation, secret);
  const tokenHash = hash("sha256", secret, "hex").slice(0, 32);
  return { namespace, secrets, id, generation, secret: secret.toString("hex"), hash: tokenHash, token };
}

function keep(folder, name, text) {
  const file = new URL(name, folder);
  if (existsSync(file)) {
    console.log(`frozen  ${name}`);
    return;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text, { flag: "wx" });
  console.log(`wrote   ${name}`);
}

function pretty(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

for (const [name, given] of Object.entries(RECORDS)) {
  const parts = recordOf(name, given);
  const hex = encodeRecord(parts)
    .toString("hex")
    .replaceAll(/.{1,96}/g, "$&\n");
  keep(records, `${name}.hex`, hex);
  keep(records, `${name}.json`, pretty(expectationOf(parts)));
}
keep(tokens, "v1.json", pretty(TOKENS.map(vectorOf)));
