/** The program of the thread that speaks with PostgreSQL. */
import { parentPort, workerData } from "node:worker_threads";
import { systemRng } from "@hearth/platform";
import { systemClock } from "../../platform/clock.js";
import type { PostgresSettings } from "../store-settings.js";
import { serveEngine } from "../thread/serve-engine.js";
import { openPostgresEngine } from "./open-postgres-engine.js";

export interface PostgresStart {
  readonly settings: PostgresSettings;
  readonly maxWaiting: number;
}

if (parentPort === null) throw new Error("This program runs in a thread of the coordinator's.");
const { settings, maxWaiting } = workerData as PostgresStart;
await serveEngine(parentPort, () =>
  openPostgresEngine(settings, { clock: systemClock, rng: systemRng, maxWaiting }, "to use"),
);
