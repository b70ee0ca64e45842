/** Data are written. */

import fc from "fast-check";
import type { FieldGuard, StoredChange } from "../../../src/data/field-patch.ts";
import type { PatchInput, PatchOutcome } from "../../../src/store/store.ts";
import { COUNTER } from "../ledger.ts";
import { type Answer, type Model, type ModelSession, withoutStaleWrap } from "../model.ts";
import { type Family, oftenTrue, onSession } from "../plan.ts";
import { goneIn, sealed, viewOfGone, viewOfRecord, viewOfSession } from "../view.ts";
import type { KnownSession, World } from "../world.ts";
import { fenceOf, type Write } from "../write.ts";

const name = fc.constantFrom("a", "b", "n");
const json = fc.constantFrom("1", '"x"', "[1,2]", "null", "9007199254740991", `"${"y".repeat(40)}"`);

const ciphertext = fc.constantFrom(Buffer.from([0, 44, 255]), Buffer.alloc(20, 7));

const change: fc.Arbitrary<StoredChange> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("set" as const), name, json }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("seal" as const), name, bytes: ciphertext }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("increment" as const), name, by: fc.constantFrom(1, 2, -3) }) },
);

interface Shape {
  readonly changes: StoredChange[];
  /** Behind the stored revision by so many; absent: whatever it is. */
  readonly behind: number | null;
  /** Whether only if a field is as its writer knows it, and of which field. */
  readonly guarded: { readonly name: string; readonly known: boolean } | null;
  readonly maxBytes: number;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 3 }),
  behind: fc.oneof(fc.constant(null), fc.constantFrom(0, 0, 1)),
  guarded: fc.option(fc.record({ name, known: oftenTrue(2) }), { freq: 6 }),
  maxBytes: fc.constantFrom(10_240, 10_240, 10_240, 60),
});

export const patch: Family = {
  weight: 14,
  plan: onSession(shape, (world, session, { changes, behind, guarded, maxBytes }, call) => {
    const revision = Math.max(0, world.asKnown(session).revision - (behind ?? 0));
    return patching(world, session, call, {
      id: session.id,
      changes,
      maxBytes,
      ...(behind === null ? {} : { expectedRevision: revision }),
      ...(guarded === null ? {} : { guard: guardOf(world.asKnown(session), guarded) }),
    });
  }),
};

/** Of a field that nothing else writes to: the ledger knows what it must be. */
export const count: Family = {
  weight: 6,
  plan: onSession(fc.constant(null), (world, session, _, call) => ({
    ...patching(world, session, call, {
      id: session.id,
      changes: [{ kind: "increment", name: COUNTER, by: 1 }],
      maxBytes: 10_240,
    }),
    counts: session.id,
  })),
};

function patching(world: World, session: KnownSession, call: Write["call"], input: PatchInput): Write {
  const under = input.expectedRevision === undefined ? "" : ` under revision ${input.expectedRevision}`;
  const text = `patch ${session.name}${under}: ${input.changes.map(textOf).join(", ")}`;
  return {
    text,
    call,
    session,
    needsOperationIds: input.expectedRevision === undefined,
    send: (store) => store.patch(input, call),
    view: (answer) => viewOfPatch(answer as PatchOutcome),
    *messages(model, traits) {
      const { notAfter, keptMs } = fenceOf(call, model, traits);
      const operation = call.operationId ?? `own-${world.serial()}`;
      return yield {
        text,
        notAfter,
        recall: (now) => (traits.operationIds ? now.remembered(operation) : undefined),
        apply(now) {
          const answer = patchIn(now, input);
          if (answer["status"] === "patched") now.remember(operation, answer, keptMs);
          return answer;
        },
      };
    },
  };
}

function guardOf(session: ModelSession, guarded: { readonly name: string; readonly known: boolean }): FieldGuard {
  const stored = session.fields.get(guarded.name) ?? null;
  return { name: guarded.name, json: guarded.known ? stored : '"something else"' };
}

function textOf(each: StoredChange): string {
  if (each.kind === "set") return `${each.name} = ${each.json.slice(0, 8)}`;
  return each.kind === "increment" ? `${each.name} += ${each.by}` : `${each.kind} ${each.name}`;
}

function viewOfPatch(outcome: PatchOutcome): Answer {
  if (outcome.status === "gone") return viewOfGone(outcome.tombstone);
  if (outcome.status === "conflict") return { status: "conflict", record: viewOfRecord(outcome.record) };
  return { ...outcome };
}

function patchIn(model: Model, input: PatchInput): Answer {
  const session = model.live(input.id);
  if (session === null) return goneIn(model, input.id);
  const { revision } = session;
  if (input.expectedRevision !== undefined && input.expectedRevision !== revision) {
    return { status: "conflict", record: viewOfSession(session) };
  }
  if (input.guard !== undefined && !holds(input.guard, session)) {
    return { status: "conflict", record: viewOfSession(session) };
  }
  const fields = new Map(session.fields);
  const increments: number[] = [];
  for (const each of input.changes) {
    if (each.kind === "set") fields.set(each.name, each.json);
    else if (each.kind === "delete") fields.delete(each.name);
    else if (each.kind === "seal") fields.set(each.name, sealed(each.bytes));
    else {
      const sum = incremented(fields.get(each.name), each.by);
      if (sum === null) return { status: "wrong_kind", name: each.name };
      fields.set(each.name, String(sum));
      increments.push(sum);
    }
  }
  const bytes = bytesOf(fields);
  if (bytes > input.maxBytes && bytes > bytesOf(session.fields)) return { status: "too_large", bytes };
  const patched: ModelSession = { ...session, revision: revision + 1, fields };
  model.put(withoutStaleWrap(patched, model.now));
  return { status: "patched", previousRevision: revision, revision: revision + 1, increments };
}

/** Ciphertext is nobody's known text. */
function holds({ name: guarded, json: text }: FieldGuard, { fields }: ModelSession): boolean {
  const stored = fields.get(guarded) ?? null;
  return stored === text && !isSealed(stored);
}

function isSealed(value: string | null | undefined): boolean {
  return value?.startsWith("sealed ") === true;
}

function incremented(text: string | undefined, by: number): number | null {
  if (isSealed(text)) return null;
  const value: unknown = JSON.parse(text ?? "0");
  const sum = Number(value) + by;
  return Number.isSafeInteger(value) && Number.isSafeInteger(sum) ? sum : null;
}

function bytesOf(fields: ReadonlyMap<string, string>): number {
  const length = (value: string): number => (isSealed(value) ? (value.length - "sealed ".length) / 2 : value.length);
  return [...fields].reduce((sum, [field, value]) => sum + field.length + length(value), 0);
}
