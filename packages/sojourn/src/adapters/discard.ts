/** Frees what a payload that is not sent holds; of a Response that was cloned, once the clone is done with. @internal */
export function discard(payload: unknown): void {
  const held = payload as { destroy?: () => void; cancel?: () => Promise<void> } | null | undefined;
  if (typeof held?.destroy === "function") held.destroy();
  // One that somebody reads rejects.
  else if (typeof held?.cancel === "function") held.cancel().catch(() => undefined);
  else if (payload instanceof Response) discard(payload.body);
}
