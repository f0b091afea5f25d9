import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { createMetrics } from "../platform/metrics.js";
import { observeAttempts } from "./create-hooks.js";

it("counts what a confirmed cancel had cost, and what of it cannot be true", async () => {
  const metrics = createMetrics();
  const against: unknown[] = [];
  const reputation = { add: (...held: unknown[]) => against.push(held) };
  const observer = observeAttempts({ metrics, log: createLogger("silent"), reputation });
  const provider = "p" as ProviderId;
  const spent = { prompt_tokens: 7, completion_tokens: 3 };
  observer.cancelConfirmed(provider, { ended: "error", spent, clamped: [] });
  observer.cancelConfirmed(provider, { ended: "complete", spent, clamped: ["prompt"] });
  observer.cancelConfirmed(provider, { ended: "error", spent: undefined, clamped: [] });
  expect((await metrics.tokens.get()).values).toMatchObject([{ labels: { kind: "cancelled" }, value: 6 }]);
  expect(against).toEqual([["p", "false_usage"]]);
  expect((await metrics.usageClamped.get()).values).toMatchObject([{ labels: { kind: "prompt" }, value: 1 }]);
});
