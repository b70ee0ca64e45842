/** What the operations of `Sessions` on tokens take and answer. */

import type { DataObject } from "../data/draft.ts";
import type { Device } from "../data/metadata.ts";
import type { BindingInput } from "../security/binding.ts";
import type { ClientSignals, Signal } from "../security/signals.ts";
import type { CreateInput } from "./new-session.ts";
import type { Session } from "./session.ts";
import type { Good } from "./token-check.ts";
import type { Invalid } from "./invalid.ts";
import type { OnUnavailable } from "./on-unavailable.ts";

export interface CreateResult<D extends object = DataObject> {
  /** The bearer secret: give it to the client, keep it nowhere. */
  readonly token: string;
  readonly session: Session<D>;
  /** For the first page: what `csrf.token(session)` answers. */
  readonly csrfToken: string;
}

export interface LoginInput<D extends object = DataObject> extends CreateInput<D> {
  readonly userId: string;
  /** Names of fields to carry over from the anonymous session of the token; no acknowledged write of them is lost. */
  readonly keep?: readonly (keyof D & string)[];
}

/** What the request says of its client counts only with the option `binding`. */
export interface ValidateOptions extends ClientSignals {
  /** true: store activity now and await it; false: never; absent: when due, not awaited. */
  readonly touch?: boolean;
  /** true: ask the store and not the near cache, for what must not happen once a revocation is acknowledged anywhere. Default false. */
  readonly fresh?: boolean;
  /** `"stale"`: as `createSessions` says of it, for this call. Default: the option of `createSessions`. */
  readonly onUnavailable?: Exclude<OnUnavailable, "anonymous">;
}

export type Validation<D extends object = DataObject> =
  | {
      readonly valid: true;
      readonly session: Session<D>;
      /** Present when the client must be given this token from now on. */
      readonly token?: string;
      /** What is different of the client since the session began; present if something is. */
      readonly differing?: readonly Signal[];
      /** true: the token is from before a renewal, in its grace. Let it go on, but do nothing that matters most. */
      readonly previous?: true;
      /** true: answered from the near cache, as of a moment that its lease bounds. */
      readonly near?: true;
      /** true: the store cannot be asked; this is the last that is known, `staleFor` ago at most. Do nothing that matters. */
      readonly stale?: true;
    }
  | Invalid;

export interface ReauthenticateInput {
  /** Who proved to be there; another user than the session's begins a session of their own. */
  readonly userId: string;
  /** The assurance level reached. Default: as it was, which then counts as proved now: say 1 for a password alone. */
  readonly aal?: 0 | 1 | 2 | 3;
  /** How, RFC 8176: `["pwd", "otp"]`. */
  readonly amr?: readonly string[];
  readonly loginMethod?: string;
  /** The client as it is now, in place of what is known; with the option `binding` it is the one expected from now on. */
  readonly device?: Device | undefined;
  readonly binding?: BindingInput | undefined;
}

/** @internal */
export function validationOf<D extends object>(session: Session<D>, { token, differing, standing }: Good) {
  if (standing === "current" && token === undefined && differing.length === 0) return { valid: true, session } as const;
  return {
    valid: true,
    session,
    ...(token === undefined ? {} : { token }),
    ...(differing.length === 0 ? {} : { differing }),
    ...(standing === "previous" ? { previous: true as const } : {}),
  } as const;
}
