import type { Hono } from "hono";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import type { Trouble } from "../platform/health.js";
import type { Metrics } from "../platform/metrics.js";
import { described, type Operation } from "./openapi/operation.js";
import { type ReadinessDeps, watchReadiness } from "./readiness.js";
import type { HttpEnv } from "./routing.js";

export interface HealthDeps extends ReadinessDeps {
  readonly metrics: Metrics;
  /** What is wrong with the coordinator itself although it serves. */
  readonly troubles: () => readonly Trouble[];
}

const count = z.int().nonnegative();

const LIVENESS: Operation = {
  id: "getLiveness",
  audience: "Health",
  summary: "Whether the process answers",
  answer: named("Liveness", z.object({ status: z.literal("ok") })),
  open: true,
};

const READINESS: Operation = {
  id: "getReadiness",
  audience: "Health",
  summary: "Whether requests may be sent here",
  description: "503 unless `status` is `ready`: on the way out, or while the machines from before a restart come back.",
  answer: named(
    "Readiness",
    z.discriminatedUnion("status", [
      z.object({ status: z.literal("draining") }),
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
  description: "`degraded` means that it serves although something is wrong with it; `reasons` says what.",
  answer: named(
    "Health",
    z.object({
      status: z.enum(["ok", "degraded", "draining"]),
      providers: count,
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
  app.get(
    "/livez",
    described(LIVENESS, (c) => c.json({ status: "ok" })),
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
      const serving = reasons.length === 0 ? "ok" : "degraded";
      return c.json({ status: deps.ready() ? serving : "draining", providers: directory.size, reasons });
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
