/** The same instruments for OpenTelemetry. Meter and tracer are the application's; what is asked of them is described here. */

import { systemClock } from "../clock.ts";
import type { StoreCall } from "../lifecycle/observer.ts";
import { INSTRUMENTS } from "./instruments.ts";
import { DURATION_BOUNDS, outcomeOf } from "./process-counts.ts";
import { metricsOf, type SessionMetrics } from "./session-metrics.ts";

type Attributes = Record<string, string>;

interface InstrumentOptions {
  readonly unit: string;
  readonly description: string;
  readonly advice?: { explicitBucketBoundaries: number[] };
}

interface Observations {
  observe(instrument: object, value: number, attributes: Attributes): void;
}

type Report = (observations: Observations) => Promise<void>;

/** Of a `Meter` of `@opentelemetry/api` 1.7 or newer. */
export interface MeterLike {
  createHistogram(name: string, options: InstrumentOptions): { record(value: number, attributes: Attributes): void };
  createObservableCounter(name: string, options: InstrumentOptions): object;
  createObservableGauge(name: string, options: InstrumentOptions): object;
  addBatchObservableCallback(report: Report, instruments: object[]): void;
  removeBatchObservableCallback(report: Report, instruments: object[]): void;
}

interface SpanLike {
  setStatus(status: { code: number }): unknown;
  end(endTime: number): void;
}

/** Of a `Tracer` of `@opentelemetry/api`. */
export interface TracerLike {
  startSpan(name: string, options: { kind: number; startTime: number; attributes: Attributes }): SpanLike;
}

export interface OpenTelemetryOptions {
  readonly meter: MeterLike;
  /** Each call of the store becomes a span, below the active one; every read is timed then. Default: no spans. */
  readonly tracer?: TracerLike;
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR` of `@opentelemetry/api`. */
const CLIENT = 2;
const ERROR = 2;

/**
 * Reports to OpenTelemetry.
 *
 * ```ts
 * const stop = openTelemetry(sessions, { meter: metrics.getMeter("shop"), tracer: trace.getTracer("shop") });
 * ```
 * @returns how to stop. @throws TypeError for anything but what createSessions() returned
 */
export function openTelemetry(
  sessions: { readonly metrics: SessionMetrics },
  { meter, tracer }: OpenTelemetryOptions,
): () => void {
  const metrics = metricsOf("openTelemetry", sessions);
  const stops: (() => void)[] = [];
  const observed = INSTRUMENTS.flatMap(({ name, unit, help: description, ...instrument }) => {
    const options = { unit, description };
    if (instrument.kind === "counter") return [{ ...instrument, target: meter.createObservableCounter(name, options) }];
    if (instrument.kind === "gauge") return [{ ...instrument, target: meter.createObservableGauge(name, options) }];
    const advice = { explicitBucketBoundaries: [...DURATION_BOUNDS] };
    const histogram = meter.createHistogram(name, { ...options, advice });
    const record = ({ operation, ms }: StoreCall): void => histogram.record(ms / 1000, { operation });
    stops.push(metrics.listen(record, false));
    return [];
  });
  const report: Report = async (observations) => {
    const numbers = await metrics.numbers();
    for (const { target, labels, read } of observed) {
      for (const [values, value] of read(numbers)) {
        const attributes = Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ""]));
        observations.observe(target, value, attributes);
      }
    }
  };
  const targets = observed.map(({ target }) => target);
  meter.addBatchObservableCallback(report, targets);
  stops.push(() => meter.removeBatchObservableCallback(report, targets));
  if (tracer !== undefined) stops.push(metrics.listen((call) => span(tracer, metrics.engine, call), true));
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

/** Names the operation and the kind of a failure: messages of errors may name a session. */
function span(tracer: TracerLike, engine: string, { operation, ms, failure }: StoreCall): void {
  const endTime = systemClock.now();
  const failed: Attributes = failure === null ? {} : { "error.type": outcomeOf(failure) };
  const attributes = { "db.system.name": engine, "db.operation.name": operation, ...failed };
  const started = tracer.startSpan(`sojourn ${operation}`, { kind: CLIENT, startTime: endTime - ms, attributes });
  if (failure !== null) started.setStatus({ code: ERROR });
  started.end(endTime);
}
