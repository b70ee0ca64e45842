import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface ShopUser {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
}

export interface Users {
  /** The user, or null. */
  find(id: string): ShopUser | null;
  /** The user whose password this is, or null. Takes as long for an unknown name as for a wrong password. */
  verify(credentials: Credentials): Promise<ShopUser | null>;
}

/** Printed at start and on the login page: a real shop keeps its users in a database and tells nobody. */
export const demoAccounts: readonly Credentials[] = [
  { username: "ada", password: "lovelace" },
  { username: "grace", password: "hopper" },
  { username: "linus", password: "torvalds" },
];

const people: readonly ShopUser[] = [
  { id: "ada", name: "Ada Lovelace", roles: ["customer"] },
  { id: "grace", name: "Grace Hopper", roles: ["customer"] },
  { id: "linus", name: "Linus Torvalds", roles: ["customer"] },
];

interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

const keyBytes = 32;
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

function deriveKey(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyBytes, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16);
  return { salt, key: await deriveKey(password, salt) };
}

async function matches(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await deriveKey(password, hash.salt), hash.key);
}

/** Hashes the demo passwords; from here on only the hashes are compared. */
export async function openUsers(): Promise<Users> {
  const byId = new Map(people.map((user) => [user.id, user]));
  const hashes = new Map(
    await Promise.all(
      demoAccounts.map(async (account) => [account.username, await hashPassword(account.password)] as const),
    ),
  );
  // Nobody's password: compared when the name is unknown, so that the answer takes equally long.
  const decoy = await hashPassword(randomBytes(32).toString("base64url"));

  return {
    find: (id) => byId.get(id) ?? null,
    async verify({ username, password }) {
      const id = username.trim().toLowerCase();
      const correct = await matches(password, hashes.get(id) ?? decoy);
      return correct ? (byId.get(id) ?? null) : null;
    },
  };
}
