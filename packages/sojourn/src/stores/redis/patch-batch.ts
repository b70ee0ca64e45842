/**
 * Patches of one turn in one script: what a script costs besides its work it costs once. A patch joins only a batch that
 * is not yet handed to the client, and none is refused because of another one.
 */

import type { StoredChange } from "../../data/field-patch.ts";
import { MAX_FIELDS } from "../../data/record.ts";
import { bucketOf } from "../../data/session-id.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { PatchInput, PatchOutcome, WriteCall } from "../../store/store.ts";
import type { Argument, Reply } from "./driver.ts";
import type { Keys } from "./keys.ts";
import { parsePatch } from "./script-answers.ts";
import type { ScriptRunner } from "./script-runner.ts";

/** A script keeps Redis from everything else: so many patches of small sessions take it a third of a millisecond. */
const MAX_BATCH = 32;
/** Of values, and of what a change costs besides: a few microseconds at most. */
const MAX_BATCH_BYTES = 65_536;
const CHANGE_BYTES = 512;

interface Waiting {
  readonly input: PatchInput;
  readonly key: string;
  readonly resolve: (outcome: PatchOutcome) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly patches: Waiting[];
  bytes: number;
}

export class PatchBatch {
  readonly #keys: Keys;
  readonly #scripts: ScriptRunner;
  /** One script may name the keys of several sessions. */
  #mayShare: boolean;
  /** What a patch may still join. */
  #open: Batch | null = null;

  constructor(keys: Keys, scripts: ScriptRunner, mayShare: boolean) {
    this.#keys = keys;
    this.#scripts = scripts;
    this.#mayShare = mayShare;
  }

  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome> {
    return new Promise((resolve, reject) => {
      // Of what is no id there is no key: that one is refused before it joins others.
      const waiting = { input, key: this.#keys.session(input.id), resolve, reject };
      if (this.#mayShare && call === undefined) this.#join(waiting);
      else void this.#send([waiting], call);
    });
  }

  #join(waiting: Waiting): void {
    const { input } = waiting;
    const open = this.#open?.patches[0];
    const batch =
      this.#open !== null && open !== undefined && haveSameTerms(open.input, input) ? this.#open : this.#begun();
    batch.bytes += bytesOf(input);
    const isFull = batch.patches.push(waiting) === MAX_BATCH || batch.bytes > MAX_BATCH_BYTES;
    this.#open = isFull ? null : batch;
  }

  /** It is sent when this turn of microtasks is over. */
  #begun(): Batch {
    const batch: Batch = { patches: [], bytes: 0 };
    queueMicrotask(() => {
      if (this.#open === batch) this.#open = null;
      void this.#send(batch.patches);
    });
    return batch;
  }

  async #send(patches: readonly Waiting[], call?: WriteCall): Promise<void> {
    const [first] = patches;
    if (first === undefined) return;
    const { id, maxBytes, guard } = first.input;
    const keys = [this.#keys.operation(bucketOf(id), call?.operationId)];
    for (const { key } of patches) keys.push(key);
    try {
      const answer = await this.#scripts.run("patch", keys, call, ({ operationKeptMs }) => {
        const args: Argument[] = [String(operationKeptMs), String(MAX_FIELDS), String(maxBytes)];
        args.push(guard?.name ?? "", guard?.json ?? "");
        for (const { input } of patches) addArguments(args, input);
        return args;
      });
      const answers = answer.itemsFrom(2);
      for (const [i, each] of patches.entries()) settle(each, answers[i]);
    } catch (error) {
      if (patches.length > 1 && isOfSlots(error)) this.#sendEach(patches);
      else for (const each of patches) each.reject(error);
    }
  }

  /** A proxy before several servers refuses, before it does anything, a script for more than one of them. */
  #sendEach(patches: readonly Waiting[]): void {
    this.#mayShare = false;
    for (const each of patches) void this.#send([each]);
  }
}

/** What a script is told once. */
function haveSameTerms(a: PatchInput, b: PatchInput): boolean {
  return a.maxBytes === b.maxBytes && a.guard?.name === b.guard?.name && a.guard?.json === b.guard?.json;
}

function addArguments(args: Argument[], { changes, expectedRevision }: PatchInput): void {
  args.push(String(changes.length), expectedRevision === undefined ? "" : String(expectedRevision));
  for (const change of changes) args.push(...changeArguments(change));
}

function changeArguments(change: StoredChange): [kind: string, name: string, value: Argument] {
  switch (change.kind) {
    case "set":
      return ["s", change.name, change.json];
    case "seal":
      return ["e", change.name, change.bytes];
    case "delete":
      return ["d", change.name, ""];
    case "increment":
      return ["i", change.name, String(change.by)];
  }
}

function bytesOf({ changes }: PatchInput): number {
  return changes.reduce((sum, change) => sum + CHANGE_BYTES + valueLength(change), 0);
}

function valueLength(change: StoredChange): number {
  if (change.kind === "set") return change.json.length;
  return change.kind === "seal" ? change.bytes.length : 0;
}

/** By itself: one that is refused leaves the others what they are. */
function settle({ resolve, reject }: Waiting, answer: Reply | undefined): void {
  try {
    resolve(parsePatch(answer));
  } catch (error) {
    reject(error);
  }
}

function isOfSlots(error: unknown): boolean {
  return error instanceof StoreUnavailableError && error.message.includes("CROSSSLOT");
}
