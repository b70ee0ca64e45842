import type { Register } from "../register.ts";
import type { Sessions } from "../lifecycle/sessions.ts";

/** The data of registered sessions; any names and unknown values while none are registered. */
export type RegisteredData<R = Register> = R extends { sessions: Sessions<infer D> } ? D : Record<string, unknown>;
