/** Finding sessions by what no index is kept of: a walk, a bounded part of it a call. */

import type { SessionRecord } from "../data/session-record.ts";
import { AddressList, isAddressOrBlock, parseAddress } from "../security/address.ts";
import type { PageItem } from "../store/paging.ts";
import type { ListOptions } from "../store/store.ts";
import type { Core } from "./core.ts";
import { checkedUserId } from "./new-session.ts";

export interface FindInput {
  readonly userId?: string | undefined;
  readonly serverId?: string | undefined;
  readonly policy?: string | undefined;
  /** Of the device as it was at login: an address, or a block such as `"203.0.113.0/24"`. */
  readonly ip?: string | undefined;
  /** Where the call before stopped. */
  readonly cursor?: string | null | undefined;
  /** Most sessions of the answer, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
}

export interface Found<S> {
  readonly items: readonly S[];
  /** To go on with; null when done. */
  readonly cursor: string | null;
  /** Sessions that this call looked at. */
  readonly scanned: number;
  readonly done: boolean;
}

export interface FoundSession {
  readonly id: string;
  readonly record: SessionRecord;
}

const KNOWN: ReadonlySet<string> = new Set([
  "userId",
  "serverId",
  "policy",
  "ip",
  "cursor",
  "limit",
] satisfies (keyof FindInput)[]);
const MAX_LIMIT = 1_000;
const MAX_SCANNED = 5_000;

/** @throws TypeError @internal */
export async function findSessions(core: Core, input: FindInput): Promise<Found<FoundSession>> {
  // A misspelt filter would find everybody's.
  const unknown = Object.keys(input).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw new TypeError(`find: there is no filter ${JSON.stringify(unknown)}.`);
  const { cursor = null, limit = 100, userId } = input;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new TypeError(`find: limit must be a whole number from 1 to ${MAX_LIMIT}, not ${String(limit)}.`);
  }
  if (cursor !== null && typeof cursor !== "string") throw new TypeError("find: cursor must be a string or null.");
  const fits = filterOf(core, input);
  const items: FoundSession[] = [];
  let at: string | null = cursor;
  let scanned = 0;
  while (scanned < MAX_SCANNED) {
    const page =
      userId === undefined ? await core.store.page({ cursor: at, limit: PAGE }) : await userPage(core, userId, at);
    for (const { id, record: bytes, cursor: behind } of page.items) {
      scanned += 1;
      at = behind;
      const record = core.parse(id, bytes);
      if (record === null || !fits(id, record)) continue;
      items.push({ id, record });
      if (items.length === limit) return { items, cursor: at, scanned, done: false };
    }
    if (page.done) return { items, cursor: null, scanned, done: true };
    at = page.cursor;
  }
  return { items, cursor: at, scanned, done: false };
}

/** The user's live sessions, the one seen last first. @throws TypeError @internal */
export async function sessionsOfUser(
  core: Core,
  operation: string,
  userId: string,
  options?: ListOptions,
): Promise<FoundSession[]> {
  const placement = await core.placement();
  const stored = await core.store.listUser(placement.userKey(checkedUserId(operation, userId)), options);
  const found = stored.flatMap(({ id, record: bytes }) => {
    const record = core.parse(id, bytes);
    return record?.userId === userId ? [{ id, record }] : [];
  });
  return found.toSorted(({ record: a }, { record: b }) => b.lastSeenAt - a.lastSeenAt || b.createdAt - a.createdAt);
}

const PAGE = 100;

/** All of the user's at once: there the index answers. */
async function userPage(
  core: Core,
  userId: string,
  after: string | null,
): Promise<{ items: PageItem[]; cursor: null; done: true }> {
  const placement = await core.placement();
  const stored = await core.store.listUser(placement.userKey(checkedUserId("find", userId)));
  const items = stored
    .filter(({ id }) => after === null || id > after)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((session) => ({ ...session, cursor: session.id }));
  return { items, cursor: null, done: true };
}

function filterOf(
  core: Core,
  { userId, serverId, policy, ip }: FindInput,
): (id: string, record: SessionRecord) => boolean {
  const block = ip === undefined ? null : blockOf(ip);
  const asksMetadata = serverId !== undefined || policy !== undefined || block !== null;
  return (id, record) => {
    if (userId !== undefined && record.userId !== userId) return false;
    if (!asksMetadata) return true;
    const metadata = core.metadataOf(id, record);
    if (serverId !== undefined && metadata.serverId !== serverId) return false;
    if (policy !== undefined && metadata.policy !== policy) return false;
    const address = block === null ? null : parseAddress(metadata.device?.ip ?? "");
    return block === null || (address !== null && block.has(address));
  };
}

function blockOf(ip: string): AddressList {
  if (typeof ip === "string" && isAddressOrBlock(ip)) return new AddressList("ip", [ip]);
  throw new TypeError('find: ip must be an address or a block such as "203.0.113.0/24".');
}
