/** What `validate` answers about a token that is not good. */

export type InvalidReason =
  | "malformed"
  | "not_found"
  | "expired"
  | "revoked"
  | "reused"
  | "superseded"
  | "locked"
  | "binding_mismatch";

export interface Invalid {
  readonly valid: false;
  readonly reason: InvalidReason;
  /** Whether the client's cookie should be removed. False where a misconfigured node would otherwise log everyone out. */
  readonly clearCookie: boolean;
  /** Why and when it was ended, while the store still knows. */
  readonly ended?: { readonly reason: string; readonly at: number };
}
