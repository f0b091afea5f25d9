import { ENDPOINTS } from "../api/endpoints.js";
import { cached } from "../platform/cached.js";
import type { Metrics } from "../platform/metrics.js";

/** Probes come every few seconds and say nothing about the use of the API. */
const UNCOUNTED: ReadonlySet<string> = new Set(["/livez", "/readyz", "/health", "/metrics"]);
const ENDPOINT_PATHS: ReadonlySet<string> = new Set(ENDPOINTS.map(({ path }) => path));
/** What else there is, by how it begins: a path may have anybody's words in it. */
const GROUPS: readonly string[] = [
  ...["/v1/models", "/v1/me", "/v1/responses", "/v1/receipts", "/v1/providers", "/v1", "/admin", "/dashboard"],
  ...["/device", "/oauth"],
];

/** @returns the label of a route: one of a few, whatever the path; `undefined` where it is not counted */
function routeLabel(path: string): string | undefined {
  if (ENDPOINT_PATHS.has(path)) return path;
  if (UNCOUNTED.has(path)) return undefined;
  return GROUPS.find((group) => path === group || path.startsWith(`${group}/`)) ?? "other";
}

/** Counts one answer. @param ms from the request's head to the end of its answer */
export type CountAnswer = (path: string, status: number, ms: number) => void;

/** Counts HTTP requests by route and status, with the counters looked up once for each pair. */
export function countAnswers({
  httpRequests,
  httpSeconds,
}: Pick<Metrics, "httpRequests" | "httpSeconds">): CountAnswer {
  const countersOf = cached((route: string) => ({
    seconds: httpSeconds.labels({ route }),
    withStatus: cached((status: number) => httpRequests.labels({ route, status: String(status) })),
  }));
  return (path, status, ms) => {
    const route = routeLabel(path);
    if (route === undefined) return;
    const { seconds, withStatus } = countersOf(route);
    seconds.observe(ms / 1000);
    withStatus(status).inc();
  };
}
