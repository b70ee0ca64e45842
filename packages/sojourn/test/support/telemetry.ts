/** OpenTelemetry's real SDK, in memory: what it collected and which spans ended. */

import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, context, type ContextManager, type Meter, ROOT_CONTEXT, type Tracer } from "@opentelemetry/api";
import { DataPointType, type MetricData, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { keyOf } from "./exposition.ts";

class Reader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

export interface Telemetry {
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly spans: InMemorySpanExporter;
  collect(): Promise<MetricData[]>;
}

export function startTelemetry(): Telemetry {
  const reader = new Reader();
  const spans = new InMemorySpanExporter();
  const metrics = new MeterProvider({ readers: [reader] });
  const traces = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] });
  return {
    meter: metrics.getMeter("test"),
    tracer: traces.getTracer("test"),
    spans,
    async collect() {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw new AggregateError(errors, "collecting failed");
      return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    },
  };
}

/** In the form of `valuesIn` for the text format, under OpenTelemetry's names. */
export function valuesOf(metrics: readonly MetricData[]): Record<string, number> {
  const values: [string, number][] = [];
  for (const metric of metrics) {
    const { name } = metric.descriptor;
    for (const { attributes, value } of metric.dataPoints) {
      const labels = attributes as Record<string, string>;
      if (typeof value === "number") values.push([keyOf({ name, labels }), value]);
      else values.push([keyOf({ name: `${name}#count`, labels }), value.count]);
    }
  }
  return Object.fromEntries(values);
}

export function boundsOf(metric: MetricData | undefined): readonly number[] | undefined {
  return metric?.dataPointType === DataPointType.HISTOGRAM ? metric.dataPoints[0]?.value.buckets.boundaries : undefined;
}

/** The active span of a chain of calls, as `@opentelemetry/context-async-hooks` keeps it. */
export function keepActiveContext(): void {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, call, self, ...args) => storage.run(active, () => call.apply(self, args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  context.setGlobalContextManager(manager);
}
