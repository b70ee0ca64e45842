/** Scripts that change the record of one session, its times, tokens or metadata, or end it. */

import { bucketOf } from "../../data/session-id.ts";
import { detailOfEnding, detailOfNote, letterOf } from "../../store/event-record.ts";
import type { Retention } from "../../store/retention.ts";
import {
  type AmendInput,
  type AmendOutcome,
  type ConfirmInput,
  type ConfirmOutcome,
  type ElevateInput,
  type ElevateOutcome,
  REAP_GRACE_MS,
  type RevokeInput,
  type RevokeOutcome,
  type RotateInput,
  type RotateOutcome,
  type TouchInput,
  type TouchOutcome,
  type WriteCall,
} from "../../store/store.ts";
import { countedReason } from "../../store/totals.ts";
import { gone } from "../../store/transitions.ts";
import type { Keys } from "./keys.ts";
import { parseTombstone, recordOutcome } from "./script-answers.ts";
import type { ScriptRunner } from "./script-runner.ts";

export class RecordChanges {
  readonly #keys: Keys;
  readonly #scripts: ScriptRunner;
  readonly #endedMs: string;
  readonly #eventsKept: string;

  /** @param retention of a bucket */
  constructor(keys: Keys, scripts: ScriptRunner, retention: Retention) {
    this.#keys = keys;
    this.#scripts = scripts;
    this.#endedMs = String(retention.endedMs);
    this.#eventsKept = String(retention.eventsKept);
  }

  async touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome> {
    const { id } = input;
    const answer = await this.#scripts.run("touch", this.#indexed(id), call, () => [
      id,
      String(REAP_GRACE_MS),
      String(input.minIntervalMs),
      this.#keys.userSessionsPrefix(bucketOf(id)),
      input.confirm ? "1" : "",
      String(input.confirmedIdleMs ?? ""),
      String(input.expiresAt ?? ""),
    ]);
    if (answer.status === "touched") return { status: "touched", lastSeenAt: answer.number(2) };
    return gone(parseTombstone(answer.bytes(2)));
  }

  async rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome> {
    const keys = [this.#keys.session(input.id), this.#keys.tombstone(input.id)];
    const answer = await this.#scripts.run("rotate", keys, call, () => [
      String(input.generation),
      input.tokenHash,
      input.successorHash,
      input.wrap,
      String(input.wrapKeyId),
      input.replaces ?? "",
    ]);
    return recordOutcome(answer, "pending");
  }

  async confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome> {
    const answer = await this.#scripts.run("confirm", this.#keysOf(input.id), call, () => [
      String(input.generation),
      input.tokenHash,
      String(input.graceMs),
      input.heal ? "1" : "",
      input.id,
      this.#eventsKept,
    ]);
    return recordOutcome(answer, "confirmed");
  }

  async elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome> {
    const { id, expected } = input;
    const bucket = bucketOf(id);
    const keys = [...this.#indexed(id), this.#keys.cutOffsOf(bucket), this.#keys.totals(bucket)];
    const answer = await this.#scripts.run("elevate", keys, call, () => [
      id,
      String(REAP_GRACE_MS),
      this.#keys.userSessionsPrefix(bucket),
      String(expected.generation),
      expected.tokenHash,
      String(input.generation),
      input.tokenHash,
      String(input.aal),
      String(input.absoluteMs),
      expected.metadata,
      input.metadata,
      this.#eventsKept,
      letterOf(input.event ?? "elevated"),
      this.#keys.userEpochPrefix(bucket),
    ]);
    return recordOutcome(answer, "elevated");
  }

  async amend({ id, expected, metadata, locked, event }: AmendInput, call?: WriteCall): Promise<AmendOutcome> {
    const keys = [...this.#keysOf(id), this.#keys.operation(bucketOf(id), call?.operationId)];
    const answer = await this.#scripts.run("amend", keys, call, (fence) => [
      expected,
      metadata,
      locked === undefined ? "" : String(Number(locked)),
      id,
      event === undefined ? "" : letterOf(event.type),
      event === undefined ? "" : detailOfNote(event),
      this.#eventsKept,
      String(fence.operationKeptMs),
    ]);
    return recordOutcome(answer, "amended");
  }

  async revoke(input: RevokeInput, call?: WriteCall): Promise<RevokeOutcome> {
    const { id } = input;
    const bucket = bucketOf(id);
    const keys = [...this.#indexed(id), this.#keys.operation(bucket, call?.operationId), this.#keys.totals(bucket)];
    const answer = await this.#scripts.run("revoke", keys, call, (fence) => [
      id,
      detailOfEnding(input),
      this.#endedMs,
      String(REAP_GRACE_MS),
      this.#keys.userSessionsPrefix(bucket),
      String(input.knownRevision ?? ""),
      String(input.reusedGeneration ?? ""),
      String(fence.operationKeptMs),
      countedReason(input.reason),
      this.#eventsKept,
    ]);
    return { ended: answer.status.startsWith("ended"), record: answer.bytes(2) };
  }

  /** Record, tombstone, and the indexes of the bucket. */
  #indexed(id: string): string[] {
    const bucket = bucketOf(id);
    return [this.#keys.session(id), this.#keys.tombstone(id), this.#keys.expiries(bucket), this.#keys.users(bucket)];
  }

  /** Record, tombstone, and the totals of the bucket, which its stream is named after. */
  #keysOf(id: string): string[] {
    return [this.#keys.session(id), this.#keys.tombstone(id), this.#keys.totals(bucketOf(id))];
  }
}
