import { mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type AgentControl, type AgentStatus, standingOf } from "../../local/agent-status.js";
import { writeRunFile } from "../../local/run-file.js";
import { startStatusServer } from "../../local/status-server.js";
import { systemClock } from "../../platform/clock.js";
import { takeLock } from "../../supervisor/agent-lock.js";
import { CliHome } from "../../testing/cli-home.js";
import { exampleStatus } from "../../testing/example-status.js";
import type { CheckSubject } from "./check.js";
import { runningCheck } from "./running-check.js";

const never = new AbortController().signal;

/** What the check says of an agent that says this of itself. */
async function check(changes: Partial<AgentStatus>) {
  await using home = new CliHome();
  mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
  const told = exampleStatus(changes);
  const control = { status: () => ({ ...told, standing: standingOf(told) }) } as AgentControl;
  const server = await startStatusServer(control, 0);
  using _lock = takeLock(home.dataDir, "default");
  using _file = writeRunFile(home.dataDir, "default", { pid: process.pid, url: server.url, token: server.token });
  const subject = { settings: { dataDir: home.dataDir, name: "default" }, clock: systemClock };
  const found = await runningCheck.run(subject as unknown as CheckSubject, never);
  await server.close();
  return found;
}

const away = (problem: string) => ({ connection: { type: "waiting", coordinator: "wss://c/", problem } as const });

const lacking = (...missing: readonly string[]) => ({ backend: { type: "reachable", missing, down: [] } as const });

describe("the check of the agent that runs", () => {
  it("says that it serves, or that its owner has paused it", async () => {
    expect(await check({})).toEqual({ status: "ok", detail: expect.stringContaining("serving") });
    const activity = { type: "paused", reason: "owner", running: 0 } as const;
    const resume = expect.stringContaining("paused by you; 'hearth-agent resume' ends that");
    expect(await check({ activity })).toEqual({ status: "ok", detail: resume });
    const hours = { ...activity, reason: "outside_hours" as const };
    expect(await check({ activity: hours })).toEqual({ status: "ok", detail: expect.stringMatching(/ its hours$/) });
  });

  it.each([
    ["no backend answers (ECONNREFUSED)", { backend: { type: "unreachable", problem: "ECONNREFUSED" } as const }],
    ["no model to serve", { models: [] }],
    ["no model to serve, for the backend does not have qwen, phi", { models: [], ...lacking("qwen", "phi") }],
    ["serving, but not all, for the backend does not have phi", lacking("phi")],
    [
      "serving, but ollama does not answer (ECONNREFUSED)",
      { backend: { type: "reachable", missing: [], down: [{ name: "ollama", problem: "ECONNREFUSED" }] } as const },
    ],
    [
      "forgotten when it ends",
      { activity: { type: "paused", reason: "owner", running: 0 } as const, unkept: "its disk is full (ENOSPC)" },
    ],
    ["not connected (liveness_timeout)", away("liveness_timeout")],
    ["another agent has taken its place", away("replaced")],
    [
      "fenced, the operator does not accept its agent",
      { trust: { level: "none", mismatches: [{ component: "agent" }] } as never },
    ],
    [
      "fenced, no chat template renders",
      { models: exampleStatus().models.map((model) => ({ ...model, template_ok: false })) },
    ],
    [
      "no requests come now: m: it is too hot.",
      {
        activity: { type: "serving", running: 0 } as const,
        eligibility: [{ model: "m", gates: ["thermal_critical"] }],
        advice: ["m: it is too hot."],
      },
    ],
  ])("warns with its reason: %s", async (words, changes: Partial<AgentStatus>) => {
    expect(await check(changes)).toMatchObject({ status: "warn", detail: expect.stringContaining(words) });
  });
});
