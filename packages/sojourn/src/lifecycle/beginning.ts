/** Beginning a session: its first record, and the limits on how many there may be. */

import type { DataObject } from "../data/draft.ts";
import { bucketOf, newSessionId, randomBucket } from "../data/session-id.ts";
import { CorruptRecordError, type SessionRecord } from "../data/session-record.ts";
import { CreationRateError, SessionEndedError, SessionLimitError, UserDisabledError } from "../errors.ts";
import type { IssuedToken } from "../security/token.ts";
import type { Core } from "./core.ts";
import { checkFirstFields, clientFacts, type CreateInput, firstRecord } from "./new-session.ts";

export interface Begun {
  readonly token: string;
  readonly id: string;
  readonly record: SessionRecord;
  /** The session before it was ended in the same step. */
  readonly replaced: boolean;
}

/** A session that is to have an id and a first token of its own kind. */
export interface Identity {
  /** For one without a user. */
  readonly bucket: number;
  issue(bucket: number): IssuedToken & { readonly id: string };
}

/**
 * @param before the id of a session that this one takes the place of. One of another bucket is not touched here,
 * because no script reaches it: the caller ends it.
 * @param identity of a session that may have been begun before: then it is answered as this call would have made it
 * @throws what `Sessions.create` throws
 */
export async function beginSession<D extends object = DataObject>(
  core: Core,
  input: CreateInput<D>,
  before: string | null,
  identity?: Identity,
): Promise<Begun> {
  const { userId } = input;
  const policy = core.policies.named(input.policy ?? (userId === undefined ? "anonymous" : undefined));
  const changes = core.fields.first(input.data ?? {});
  if (userId === undefined && identity === undefined) keepAnonymousRate(core);
  const placement = await core.placement();
  const userKey = userId === undefined ? null : placement.userKey(userId);
  const bucket = userKey === null ? (identity?.bucket ?? randomBucket()) : bucketOf(userKey);
  const { id, token, hash: tokenHash } = identity?.issue(bucket) ?? newIdentity(core, bucket);
  const fields = core.fields.fields(id, changes);
  checkFirstFields(fields, core.maxBytes);
  const record = firstRecord(input as CreateInput<never>, {
    userKey,
    policy,
    tokenHash,
    now: core.store.now(),
    serverId: core.serverId,
    fields,
    client: clientFacts(core, id, input),
  });
  const replaced = before !== null && bucketOf(before) === bucket;
  const outcome = await core.store.create({
    id,
    userKey,
    record,
    ...(core.limit === null || userKey === null ? {} : { limit: core.limit }),
    ...(replaced ? { replaces: { id: before, reason: "login", actor: null } } : {}),
  });
  if (outcome.status === "gone") throw new SessionEndedError(id, outcome.tombstone?.reason);
  if (outcome.status === "disabled") throw new UserDisabledError();
  if (outcome.status === "limited") throw new SessionLimitError(outcome.count);
  const parsed = core.parse(id, record);
  if (parsed === null) throw new CorruptRecordError("a record just made does not decode");
  return { token, id, record: parsed, replaced };
}

/** A session without a user, under an id that somebody was told before. @throws what `Sessions.create` throws */
export function beginAs<D extends object>(core: Core, id: string, input: CreateInput<D>): Promise<Begun> {
  keepAnonymousRate(core);
  return beginSession(core, input, null, {
    bucket: bucketOf(id),
    issue: () => ({ id, ...core.tokens.issue(id, 0) }),
  });
}

function newIdentity(core: Core, bucket: number): ReturnType<Identity["issue"]> {
  const id = newSessionId(bucket);
  return { id, ...core.tokens.issue(id, 0) };
}

function keepAnonymousRate({ anonymousRate, notices }: Core): void {
  const waitMs = anonymousRate?.take() ?? 0;
  if (waitMs === 0) return;
  notices.warn("anonymous", "more anonymous sessions are being begun than anonymous.createRate allows: refused (429)");
  throw new CreationRateError(waitMs);
}
