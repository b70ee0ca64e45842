/** What keeps a store in order: sessions whose time is over are ended, indexes are compared with records. */

export interface ReapInput {
  /** Which part of the store: 0 up to `Store.parts` less one. */
  readonly part: number;
  /**
   * The part may be left alone when some process finished it less than so long ago, or is at it: so processes share
   * the work. 0: it is not left alone.
   */
  readonly notWithinMs: number;
}

export interface ReapOutcome {
  /** Sessions that this call ended. */
  readonly expired: number;
  /** There may be more of them: ask again. */
  readonly more: boolean;
}

export interface CheckInput {
  readonly part: number;
  /** Where to go on: what the call before answered. Null to begin. */
  readonly cursor: string | null;
  /** Bring the indexes to what the records say. */
  readonly repair: boolean;
}

/**
 * How an index differs from the records. `no_record`: it names a session that has none; `wrong_expiry`: it has another
 * time than the record; `not_indexed`: a session is missing in it; `wrong_user`: the set of users with sessions has a
 * user, or a time, that the user's sessions do not bear out.
 */
export type DifferenceKind = "no_record" | "wrong_expiry" | "not_indexed" | "wrong_user";

export interface IndexDifference {
  readonly kind: DifferenceKind;
  /** A session's id, or the hash of a user for `wrong_user`. */
  readonly of: string;
}

export interface CheckOutcome {
  /** Sessions that were looked at. */
  readonly checked: number;
  readonly differences: readonly IndexDifference[];
  /** Null when the part is done. */
  readonly cursor: string | null;
}
