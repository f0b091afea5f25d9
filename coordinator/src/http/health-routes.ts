import type { Hono } from "hono";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import { statusOf } from "../platform/health.js";
import type { Metrics } from "../platform/metrics.js";
import { described, type Operation } from "./openapi/operation.js";
import { type ReadinessDeps, watchReadiness } from "./readiness.js";
import type { HttpEnv } from "./routing.js";

export interface HealthDeps extends ReadinessDeps {
  readonly metrics: Metrics;
  /** Requests of the API that are being answered. */
  readonly inFlight: () => number;
  /** Of this coordinator. */
  readonly version: string;
}

const count = z.int().nonnegative();

const LIVENESS: Operation = {
  id: "getLiveness",
  audience: "Health",
  summary: "Whether the process answers, and what it is about",
  answer: named(
    "Liveness",
    z.object({
      status: z.literal("ok"),
      version: z.string(),
      uptime_seconds: count,
      in_flight: count.describe("Requests of the API (`/v1`) that are being answered."),
      draining: z.boolean(),
    }),
  ),
  open: true,
};

const READINESS: Operation = {
  id: "getReadiness",
  audience: "Health",
  summary: "Whether requests may be sent here",
  description:
    "503 unless `status` is `ready`: on the way out, without its store, or while the machines from before a restart come back.",
  answer: named(
    "Readiness",
    z.discriminatedUnion("status", [
      z.object({ status: z.literal("draining") }),
      z.object({ status: z.literal("without_store") }),
      z.object({ status: z.literal("waiting"), expected: count }),
      z.object({
        status: z.literal("ready"),
        providers: count,
        expected: count,
        gave_up_waiting: z.literal(true).optional(),
      }),
    ]),
  ),
  open: true,
};

const HEALTH: Operation = {
  id: "getHealth",
  audience: "Health",
  summary: "How the coordinator is",
  description:
    "`degraded` means that it serves although something is wrong with it, `unhealthy` (503) that somebody should come at once; `reasons` says what.",
  answer: named(
    "Health",
    z.object({
      status: z.enum(["healthy", "degraded", "unhealthy"]),
      draining: z.boolean(),
      providers: count,
      in_flight: count,
      reasons: z.array(z.string()),
    }),
  ),
  open: true,
};

const METRICS: Operation = {
  id: "getMetrics",
  audience: "Health",
  summary: "All metrics, in Prometheus' text format",
  answer: "text/plain",
  open: true,
};

/** What load balancers and monitors ask; nobody needs a key for it. */
export function healthRoutes(app: Hono<HttpEnv>, deps: HealthDeps): void {
  const { metrics, directory } = deps;
  const readiness = watchReadiness(deps);
  const startedAt = deps.clock.now();
  app.get(
    "/livez",
    described(LIVENESS, (c) =>
      c.json({
        status: "ok",
        version: deps.version,
        uptime_seconds: Math.floor((deps.clock.now() - startedAt) / 1000),
        in_flight: deps.inFlight(),
        draining: !deps.ready(),
      }),
    ),
  );
  app.get(
    "/readyz",
    described(READINESS, (c) => {
      const told = readiness();
      return c.json(told, told.status === "ready" ? 200 : 503);
    }),
  );
  app.get(
    "/health",
    described(HEALTH, (c) => {
      const reasons = deps.troubles();
      const status = statusOf(reasons);
      const facts = { draining: !deps.ready(), providers: directory.size, in_flight: deps.inFlight(), reasons };
      return c.json({ status, ...facts }, status === "unhealthy" ? 503 : 200);
    }),
  );
  app.get(
    "/metrics",
    described(METRICS, async (c) => {
      c.header("Content-Type", metrics.registry.contentType);
      return c.body(await metrics.registry.metrics());
    }),
  );
}
