/** Scripts that change tokens or metadata of one session. */

import { bucketOf } from "../../data/session-id.ts";
import { detailOfNote, letterOf } from "../../store/event-record.ts";
import type { Retention } from "../../store/retention.ts";
import {
  type AmendInput,
  type AmendOutcome,
  type ConfirmInput,
  type ConfirmOutcome,
  type ElevateInput,
  type ElevateOutcome,
  REAP_GRACE_MS,
  type RotateInput,
  type RotateOutcome,
  type WriteCall,
} from "../../store/store.ts";
import type { Keys } from "./keys.ts";
import { recordOutcome } from "./script-answers.ts";
import type { ScriptRunner } from "./script-runner.ts";

export class RecordChanges {
  readonly #keys: Keys;
  readonly #scripts: ScriptRunner;
  readonly #eventsKept: string;

  /** @param retention of a bucket */
  constructor(keys: Keys, scripts: ScriptRunner, retention: Retention) {
    this.#keys = keys;
    this.#scripts = scripts;
    this.#eventsKept = String(retention.eventsKept);
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
    const indexes = [this.#keys.expiries(bucket), this.#keys.users(bucket), this.#keys.cutOffsOf(bucket)];
    const keys = [this.#keys.session(id), this.#keys.tombstone(id), ...indexes, this.#keys.totals(bucket)];
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

  /** Record, tombstone, and the totals of the bucket, which its stream is named after. */
  #keysOf(id: string): string[] {
    return [this.#keys.session(id), this.#keys.tombstone(id), this.#keys.totals(bucketOf(id))];
  }
}
