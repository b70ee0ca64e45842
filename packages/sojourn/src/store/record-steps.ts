/** Writes to one record, for the engines that run in this process: each a step as a pure function, made atomic by the engine. */

import type {
  AmendInput,
  AmendOutcome,
  ConfirmInput,
  ConfirmOutcome,
  ElevateInput,
  ElevateOutcome,
  Gone,
  PatchInput,
  PatchOutcome,
  RotateInput,
  RotateOutcome,
  TouchInput,
  TouchOutcome,
  WriteCall,
} from "./store.ts";
import { confirmRecord, elevateRecord, rotateRecord } from "./token-transitions.ts";
import { amendRecord, patchRecord, type Step, touchRecord } from "./transitions.ts";

export type Change<Outcome> = (record: Buffer, now: number) => Step<Outcome>;

export abstract class RecordSteps {
  /** Runs a change on the record of a session and stores what it writes; `gone` where there is none. */
  protected abstract step<Outcome>(
    id: string,
    call: WriteCall | undefined,
    change: Change<Outcome>,
  ): Promise<Outcome | Gone>;

  patch(input: PatchInput, call?: WriteCall): Promise<PatchOutcome> {
    return this.step(input.id, call, (record, now) => patchRecord(record, input, now));
  }
  touch(input: TouchInput, call?: WriteCall): Promise<TouchOutcome> {
    return this.step(input.id, call, (record, now) => touchRecord(record, input, now));
  }
  rotate(input: RotateInput, call?: WriteCall): Promise<RotateOutcome> {
    return this.step(input.id, call, (record, now) => rotateRecord(record, input, now));
  }
  confirm(input: ConfirmInput, call?: WriteCall): Promise<ConfirmOutcome> {
    return this.step(input.id, call, (record, now) => confirmRecord(record, input, now));
  }
  elevate(input: ElevateInput, call?: WriteCall): Promise<ElevateOutcome> {
    return this.step(input.id, call, (record, now) => elevateRecord(record, input, now));
  }
  amend(input: AmendInput, call?: WriteCall): Promise<AmendOutcome> {
    return this.step(input.id, call, (record, now) => amendRecord(record, input, now));
  }
}
