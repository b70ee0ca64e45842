export { movingStore } from "./moving-store.ts";
export { type MoveOptions, type MoveProgress, type MoveResult, moveStore } from "./move-store.ts";
export type { Stores } from "./arrival.ts";
