import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { eventually } from "./eventually.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import { type StubBackend, startStubBackend } from "./stub-backend.js";

const AGENT = fileURLToPath(new URL("../../../provider-agent/dist/main.js", import.meta.url));
const ASK = { model: "m", stream: true, messages: [{ role: "user", content: "hi" }] };

interface Busy {
  readonly today_ms: number;
  readonly week_ms: number;
  readonly total_ms: number;
  readonly since: string;
}

interface Status {
  readonly busy: Busy;
  readonly electricity?: Readonly<Record<string, unknown>>;
}

/** What the owner's `status --json` says. */
async function statusOf(hearth: SpawnedHearth): Promise<Status> {
  const command = hearth.run("status", AGENT, ["status", "--json"]);
  expect((await command.exited).code, command.stderr).toBe(0);
  return JSON.parse(command.stdout) as Status;
}

const busy = async (hearth: SpawnedHearth): Promise<Busy> => (await statusOf(hearth)).busy;

/** Two requests that run at once, until the agent has counted so much. @returns ms for which both were there */
async function serveTwo(hearth: SpawnedHearth, backend: StubBackend, untilMs: number): Promise<number> {
  const startedAt = performance.now();
  const answers = [hearth.chat(ASK), hearth.chat(ASK)];
  await eventually("both run", () => backend.exchanges.length === 2);
  await eventually("they are counted", async () => (await busy(hearth)).total_ms >= untilMs, 30_000);
  for (const exchange of [...backend.exchanges]) {
    exchange.content("x");
    exchange.end();
  }
  for (const answer of await Promise.all(answers)) expect(await answer.text()).toContain("[DONE]");
  return performance.now() - startedAt;
}

it("shows how long requests ran, each moment once, and after a restart with a price what that cost in electricity", async () => {
  await using hearth = await SpawnedHearth.start();
  await using backend = await startStubBackend("m");
  const agent = await hearth.agent({ backend: backend.url });
  expect((await busy(hearth)).total_ms).toBe(0);
  expect(await statusOf(hearth)).not.toHaveProperty("electricity");

  const bothMs = await serveTwo(hearth, backend, 1_500);
  const served = await busy(hearth);
  expect(served.total_ms).toBeGreaterThanOrEqual(1_500);
  expect(served.total_ms).toBeLessThan(1.5 * bothMs);
  expect(served).toMatchObject({ today_ms: served.total_ms, week_ms: served.total_ms });
  // Nothing runs now.
  expect(await busy(hearth)).toEqual(served);

  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  const config = join(hearth.dataDir, "config.toml");
  writeFileSync(config, "[electricity]\nusd_per_kwh = 0.5\nextra_watts = 7200\n");
  await hearth.agent({ backend: backend.url, flags: ["--config", config] });
  const status = await statusOf(hearth);
  expect(status.busy).toMatchObject({ total_ms: served.total_ms, since: served.since });
  // 7200 W at half a dollar a kilowatt hour are a millionth of a dollar a millisecond.
  const total = { micro_usd: served.total_ms };
  expect(status.electricity).toMatchObject({ type: "estimated", watts_of: "settings", total });
}, 90_000);
