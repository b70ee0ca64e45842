/** OpenTelemetry's real types are accepted, and what cannot work is not; checked by `tsc`, never run. */

import type { Meter, MeterProvider, Tracer, TracerProvider } from "@opentelemetry/api";
import type { Sessions } from "../../src/index.ts";
import { openTelemetry } from "../../src/metrics/opentelemetry.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import { type Equal, holds } from "./claims.ts";

declare const sessions: Sessions<{ cart: string[] }>;
declare const meter: Meter;
declare const tracer: Tracer;
declare const providers: { readonly meters: MeterProvider; readonly tracers: TracerProvider };

export function telemetry(): void {
  const stop = openTelemetry(sessions, { meter });
  holds<Equal<typeof stop, () => void>>();
  openTelemetry(sessions, { meter, tracer });
  prometheus(sessions, { labels: { app: "shop" } });
  // @ts-expect-error -- a provider is not a meter
  openTelemetry(sessions, { meter: providers.meters });
  // @ts-expect-error -- nor a tracer
  openTelemetry(sessions, { meter, tracer: providers.tracers });
  // @ts-expect-error -- there is nothing to do without a meter
  openTelemetry(sessions, { tracer });
  // @ts-expect-error -- labels are texts
  prometheus(sessions, { labels: { app: 1 } });
}
