/** Claims about types, checked by `tsc`. */

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the known way to ask whether two types are the same
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a claim about types has no value to infer from
export function holds<T extends true>(): T | undefined {
  return undefined;
}
