import type { Clock } from "@hearth/platform";
import { watchCertificate } from "../platform/certificate-watch.js";
import { addGauge, type Metrics } from "../platform/metrics.js";
import type { CircuitBreaker } from "../selection/circuit-breaker.js";

export interface Read {
  readonly clock: Clock;
  readonly breaker: Pick<CircuitBreaker, "open">;
  readonly publicUrl: string | undefined;
}

/** Adds the metrics that are read off the parts when somebody looks. Disposed of, it looks at nothing of its own any more. */
export function addReadings(metrics: Metrics, { clock, breaker, publicUrl }: Read): Disposable {
  const certificate = watchCertificate(clock, publicUrl);
  addGauge(metrics, {
    name: "hearth_breaker_open",
    help: "Breakers of machines (by model and shape, or for refusals) that are not closed.",
    read: () => breaker.open,
  });
  addGauge(metrics, {
    name: "hearth_certificate_expires_timestamp_seconds",
    help: "When the certificate at HEARTH_PUBLIC_URL ends; absent where that is no https:// address or does not answer.",
    read: () => certificate.endsAt(),
  });
  return certificate;
}
