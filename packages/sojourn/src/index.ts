export type { Activity, ActivityLog } from "./analytics/activity.ts";
export type { SessionStats } from "./analytics/stats.ts";
export type { Clock } from "./clock.ts";
export { createSessions, type MemoryStoreOptions, memoryStore, type SessionsOptions } from "./create-sessions.ts";
export type { EncryptionOptions } from "./data/encryption.ts";
export type { DataOf, DataSchema, SchemaOptions } from "./data/schema.ts";
export type { StandardSchema } from "./data/standard-schema.ts";
export type { Device, SecurityFacts } from "./data/metadata.ts";
export * from "./errors.ts";
export type { Duration } from "./duration.ts";
export type { AdoptedInput, AdoptOptions, OldData, OldRecord, OldSession, OldSessions } from "./lifecycle/adoption.ts";
export type { ConsumeOptions, SessionEvents } from "./lifecycle/events.ts";
export type { Erasure } from "./lifecycle/erasure.ts";
export type { CheckOptions, CheckReport } from "./lifecycle/index-check.ts";
export type { CreateInput } from "./lifecycle/new-session.ts";
export type { OnUnavailable } from "./lifecycle/on-unavailable.ts";
export type { PolicyOptions } from "./lifecycle/policy.ts";
export type { Reaped, Reaper, ReaperOptions } from "./lifecycle/reaper.ts";
export type { Durability, RevokeBeforeOptions, RevokeOptions, RevokeUserOptions } from "./lifecycle/revocation.ts";
export type { Session } from "./lifecycle/session.ts";
export type { FailedLogin, FailedLogins } from "./lifecycle/session-security.ts";
export type { SessionDataById } from "./lifecycle/session-data.ts";
export type {
  CreateResult,
  LoginInput,
  ReauthenticateInput,
  ValidateOptions,
  Validation,
} from "./lifecycle/operations.ts";
export type { Sessions } from "./lifecycle/sessions.ts";
export type { FindInput, Found } from "./lifecycle/find.ts";
export type { DrainOptions, DrainProgress, DrainResult } from "./lifecycle/migration.ts";
export type { EndListener, SessionEnd } from "./lifecycle/watching.ts";
export type { Invalid, InvalidReason } from "./lifecycle/invalid.ts";
export type { MetricSummary, SeriesMinute, SessionMetrics } from "./metrics/session-metrics.ts";
export type { Rate } from "./security/rate-limit.ts";
export type { BindingInput, BindingOptions } from "./security/binding.ts";
export type { ClientSignals, Signal } from "./security/signals.ts";
export type { Register } from "./register.ts";
export type {
  ChangeEvent,
  ChangeType,
  CreatedEvent,
  EndedEvent,
  EventType,
  GapEvent,
  SessionEvent,
} from "./store/events.ts";
export type { CheckName, Finding, FindingLevel } from "./store/diagnosis.ts";
export type { Store } from "./store/store.ts";
export type { DifferenceKind, IndexDifference } from "./store/upkeep.ts";
