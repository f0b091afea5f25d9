import type { CertificateWatch } from "../platform/certificate-watch.js";
import { addGauge, type Metrics } from "../platform/metrics.js";
import type { CircuitBreaker } from "../selection/circuit-breaker.js";

export interface Read {
  readonly breaker: Pick<CircuitBreaker, "open">;
  readonly certificate: Pick<CertificateWatch, "endsAt">;
}

/** Adds the metrics that are read off the parts when somebody looks. */
export function addReadings(metrics: Metrics, { breaker, certificate }: Read): void {
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
}
