/**
 * Adoption: a session of the application that was here before goes on as one of Sojourn's.
 *
 * 1. The old session is read, and after it its mark, which says what it was adopted as.
 * 2. Without a mark a session is begun. Its id and its first token are derived from the old session's id: requests that
 *    race begin one and the same, and one that is repeated finds it.
 * 3. The mark is written, then the old session ended (`retire: "delete"`). Only then may the token go out.
 *
 * What is marked is never begun again, however long tombstones are kept: the old cookie yields the session that it
 * became while that one lives and is unused or, with `retire: "keep"`, while both live; after that nothing.
 */

import { BUCKETS, bucketCharacters, bucketOf } from "../data/session-id.ts";
import {
  ConfigError,
  SessionEndedError,
  SojournError,
  StoreClosedError,
  StoreUnavailableError,
  UserDisabledError,
} from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import type { CookieAttributes } from "../security/cookie.ts";
import type { HmacKey } from "../security/keyring.ts";
import type { IssuedToken } from "../security/token.ts";
import { beginSession } from "./beginning.ts";
import type { Core } from "./core.ts";
import { checkCreateInput, type CreateInput } from "./new-session.ts";

/** What the old application kept in a session. */
export type OldData = Readonly<Record<string, unknown>>;

export interface OldRecord {
  /** Null when there is no such session any more. */
  readonly data: OldData | null;
  /** Id of the session that it became. */
  readonly adoptedAs: string | null;
}

/** A session that a request's genuine old cookie names. */
export interface OldSession {
  /** Names it among the old sessions, and is kept nowhere. */
  readonly key: string;
  /** @param now to judge its expiry by */
  read(now: number): Promise<OldRecord>;
  /** Remembers what it became, for longer than it may live. */
  mark(id: string): Promise<unknown>;
  end(): Promise<unknown>;
}

/** The sessions of the application that was here before: what `sojourn/adopt` makes. */
export interface OldSessions {
  readonly name: string;
  /** The cookies that are removed. */
  readonly cookies: readonly CookieAttributes[];
  /** The session that a Cookie header names, if what it says is genuine. No I/O. */
  find(header: string): OldSession | null;
}

/** What a session is begun with. */
export interface AdoptedInput extends Pick<CreateInput, "userId" | "policy" | "data" | "loginMethod" | "amr" | "aal"> {
  /**
   * When it began, in milliseconds since the epoch, if the old application noted that. One from before its user was signed
   * out everywhere (`revokeUser`) is ended; without this every session of such a user is.
   */
  readonly since?: number;
}

export interface AdoptOptions {
  /** Of `connectRedis`, `expressSession`, `fastifySession`, `koaSession` or `ironSession` in `sojourn/adopt`. */
  readonly from: OldSessions;
  /**
   * What a session is begun with: say whose it is. Null: it is not adopted. A policy that it does not name is
   * `defaultPolicy`. Default: the data as they are without `cookie`, and no user.
   */
  readonly map?: (old: OldData) => AdoptedInput | null | Promise<AdoptedInput | null>;
  /**
   * `"delete"`: the old session and its cookie are gone once it is adopted. `"keep"`: both stay, so that the old
   * application can take over again, until Sojourn's session is logged out or, ended otherwise, shown up with once more.
   * Default "delete".
   */
  readonly retire?: "delete" | "keep";
}

/** @internal */
export interface Adopted {
  /** Of the session that it became; null when the request is nobody's by its old cookie. */
  readonly token: string | null;
  /** The old cookie is of no use any more. */
  readonly over: boolean;
}

const NOT_ADOPTED: Adopted = Object.freeze({ token: null, over: false });

type Client = Pick<CreateInput, "device" | "binding">;

const ENDED = Symbol("ended");

/** @internal */
export class Adoption {
  readonly #core: Core;
  readonly #from: OldSessions;
  readonly #keeps: boolean;
  readonly #map: NonNullable<AdoptOptions["map"]>;

  /** @throws ConfigError */
  constructor(core: Core, { from, map = withoutCookie, retire = "delete" }: AdoptOptions) {
    if (typeof from?.find !== "function") {
      throw new ConfigError(
        'Option adopt.from must be what connectRedis() or another function of "sojourn/adopt" answered.',
      );
    }
    if (retire !== "delete" && retire !== "keep")
      throw new ConfigError('Option adopt.retire must be "delete" or "keep".');
    this.#core = core;
    this.#from = from;
    this.#keeps = retire === "keep";
    this.#map = map;
  }

  get cookies(): readonly CookieAttributes[] {
    return this.#from.cookies;
  }

  find(header: string | undefined): OldSession | null {
    return header === undefined ? null : this.#from.find(header);
  }

  /** Whether that session is what the old one became, or would. No I/O. */
  isOf(old: OldSession, id: string): boolean {
    return this.#identity(old, id) !== null;
  }

  /**
   * @param beside the session of the request's good token: one that the old application began since takes its place,
   * unless that one is nobody's and it is a user's
   * @throws StoreUnavailableError
   */
  async adopt(old: OldSession, client: Client, beside: { readonly userId: string | null } | null): Promise<Adopted> {
    const { data, adoptedAs } = await this.#ask(old.read(this.#core.clock.now()));
    const begun = adoptedAs ?? (data === null ? null : await this.#begin(old, data, client, beside));
    if (begun === null) return NOT_ADOPTED;
    const current = begun === ENDED ? ENDED : await this.#current(old, begun, data !== null);
    if (current === ENDED) {
      await this.#ask(old.end());
      return { token: null, over: true };
    }
    if (current === null || (beside !== null && adoptedAs !== null)) return { token: null, over: !this.#keeps };
    if (adoptedAs === null) await this.#ask(old.mark(begun as string));
    if (!this.#keeps && data !== null) await this.#ask(old.end());
    return { token: current, over: !this.#keeps };
  }

  /** Ends the old session, and what it became. @throws StoreUnavailableError */
  async end(old: OldSession): Promise<void> {
    const { adoptedAs } = await this.#ask(old.read(this.#core.clock.now()));
    if (adoptedAs !== null && this.isOf(old, adoptedAs)) await this.#core.revoke(adoptedAs, "logout", null);
    await this.#ask(old.end());
  }

  /** The id of the session, begun by this request or by one before; null when it is not to be, or cannot be. */
  async #begin(
    old: OldSession,
    data: OldData,
    client: Client,
    beside: { readonly userId: string | null } | null,
  ): Promise<string | typeof ENDED | null> {
    try {
      const input = await this.#map(data);
      if (input === null) return null;
      checkCreateInput("adopt.map", input);
      if (beside !== null && beside.userId !== null && input.userId === undefined) return null;
      const { since = 0, policy = this.#core.policies.named(undefined).name, ...rest } = input;
      const first = { ...rest, ...client, policy };
      const { id } = await beginSession(this.#core, first, null, this.#newIdentity(old));
      // The store stamps it with when its user was last signed out everywhere.
      const record = await this.#core.liveRecord(id);
      if (record === null || record.userEpoch <= since) return id;
      await this.#core.revoke(id, "revoked", null);
      return ENDED;
    } catch (error) {
      if (error instanceof SessionEndedError) return ENDED;
      if (error instanceof StoreUnavailableError || error instanceof StoreClosedError) throw error;
      if (!(error instanceof UserDisabledError)) {
        const why = error instanceof Error ? error.message : String(error);
        this.#core.notices.warn("adopt", `a session of ${this.#from.name} could not be adopted: ${why}`);
      }
      return null;
    }
  }

  /** The first token of the session, if whoever has the old cookie may still be given it. */
  async #current(old: OldSession, id: string, isThere: boolean): Promise<string | typeof ENDED | null> {
    const record = await this.#core.liveRecord(id);
    if (record === null) return ENDED;
    const first = this.#identity(old, id);
    if (first === null || record.locked || record.generation !== 0 || !record.hasTokenHash(first.hash)) return null;
    const isUnused = !record.confirmed && record.lastSeenAt === record.createdAt;
    const isNew = this.#core.store.now(id) - record.createdAt < this.#core.rotation.graceMs;
    return isUnused || isNew || (this.#keeps && isThere) ? first.token : null;
  }

  #newIdentity(old: OldSession): NonNullable<Parameters<typeof beginSession>[3]> {
    const key = this.#core.ring.signer("adopt");
    return {
      bucket: this.#digest(key, "id", old).readUInt16BE(16) % BUCKETS,
      issue: (bucket) => {
        const id = bucketCharacters(bucket) + this.#idPart(key, old);
        return { id, ...this.#issue(key, id, old) };
      },
    };
  }

  /** The first token of that session, if the id is what is derived from the old one by any key of the ring. */
  #identity(old: OldSession, id: string): IssuedToken | null {
    const end = id.slice(2);
    const key = this.#core.ring.verifiers("adopt").find((each) => this.#idPart(each, old) === end);
    return key === undefined ? null : this.#issue(key, bucketCharacters(bucketOf(id)) + end, old);
  }

  #idPart(key: HmacKey, old: OldSession): string {
    return this.#digest(key, "id", old).subarray(0, 16).toString("base64url");
  }

  #issue(key: HmacKey, id: string, old: OldSession): IssuedToken {
    return this.#core.tokens.compose(id, 0, this.#digest(key, "secret", old));
  }

  #digest(key: HmacKey, what: "id" | "secret", old: OldSession): Buffer {
    return key.digest(Buffer.from(`${what}\0${this.#core.store.namespace}\0${this.#from.name}\0${old.key}`));
  }

  /** What the old application's store answers, in time and with our errors. */
  async #ask<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const limit = DEFAULTS.writeDeadlineMs;
      timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms`)), limit);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      if (error instanceof SojournError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new StoreUnavailableError(`The old sessions (${this.#from.name}) cannot be reached: ${why}.`, {
        reason: "connection",
        outcome: "unknown",
        cause: error,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

function withoutCookie(old: OldData): AdoptedInput {
  return { data: Object.fromEntries(Object.entries(old).filter(([name]) => name !== "cookie")) };
}
