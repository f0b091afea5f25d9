import { mkdirSync } from "node:fs";
import pc from "picocolors";
import { describe, expect, it } from "vitest";
import { type AgentControl, type AgentStatus, standingOf } from "../../local/agent-status.js";
import { writeRunFile } from "../../local/run-file.js";
import { startStatusServer } from "../../local/status-server.js";
import { systemClock } from "../../platform/clock.js";
import { CliHome } from "../../testing/cli-home.js";
import { exampleStatus } from "../../testing/example-status.js";
import { renderStatus } from "../render-status.js";

const STATUS: AgentStatus = {
  name: "default",
  version: "1.2.3",
  pid: 77,
  started_at: "2026-01-01T00:00:00.000Z",
  activity: { type: "serving", running: 2 },
  connection: { type: "registered", coordinator: "wss://c/", provider_id: "p-1", since: "2026-01-01T00:00:00.000Z" },
  trust: { level: "self_attested", mismatches: [] },
  models: [
    { id: "qwen3-8b", state: "running", running: 2, waiting: 1, decode_tps: 41.25, template_ok: true },
    { id: "odd", state: "idle_shutdown", running: 0, waiting: 0, decode_tps: null, template_ok: false },
  ],
  totals: { served: 12, failed: 1, cancelled: 3, prompt_tokens: 3400, completion_tokens: 560 },
  tokens_per_second: 82.5,
  earned_micro_usd: 1_230_000,
  machine: { chip: "Apple M4 Max", memory_bytes: 64 * 2 ** 30, thermal: "serious" },
};

/** The endpoint of a running agent, on a real socket, with an agent that only remembers what it was told. */
async function start(home: CliHome) {
  const told: unknown[] = [];
  let status = STATUS;
  const control: AgentControl = {
    status: () => status,
    pause: (forMs) => {
      told.push(["pause", forMs]);
      const until =
        forMs === undefined
          ? {}
          : { until: new Date(performance.timeOrigin + systemClock.now() + forMs).toISOString() };
      status = { ...STATUS, activity: { type: "paused", reason: "owner", running: 1, ...until } };
    },
    resume: () => {
      told.push(["resume"]);
      status = { ...STATUS, earned_micro_usd: null };
    },
  };
  const server = await startStatusServer(control, 0);
  mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
  const file = writeRunFile(home.dataDir, "default", { pid: process.pid, url: server.url, token: server.token });
  return {
    told,
    server,
    async [Symbol.asyncDispose]() {
      file[Symbol.dispose]();
      await server.close();
    },
  };
}

describe("hearth-agent status", () => {
  it("says that the log cannot be written, and how much of it is lost", async () => {
    const shown = (log: AgentStatus["log"]): string => {
      const status = exampleStatus(log === undefined ? {} : { log });
      return renderStatus(status, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    };
    expect(shown({ type: "failing", problem: "ENOSPC", lost_lines: 7 })).toMatch(
      /^Log +cannot be written \(ENOSPC\), 7 lines lost$/m,
    );
    expect(shown({ type: "written", lost_lines: 7 })).toMatch(/^Log +7 lines lost$/m);
    for (const well of [shown({ type: "written", lost_lines: 0 }), shown(undefined)]) expect(well).not.toMatch(/^Log/m);
  });

  it("has a word of its own for each thing that keeps requests away", () => {
    const shown = (changes: Partial<AgentStatus>): string => {
      const status = exampleStatus(changes);
      const standing = standingOf(status);
      return renderStatus({ ...status, standing }, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    };
    const away = { type: "waiting", coordinator: "wss://c/", problem: "unauthorized" } as const;
    const gone = { type: "unreachable", problem: "ECONNREFUSED" } as const;
    const paused = { type: "paused", reason: "owner", running: 0 } as const;
    const broken = exampleStatus().models.map((model) => ({ ...model, template_ok: false }));
    expect(shown({})).toMatch(/^Activity +serving, 2 running$/m);
    expect(shown({ connection: away })).toMatch(/^Activity +not connected, 2 running$/m);
    expect(shown({ activity: paused, connection: away, backend: gone })).toMatch(/^Activity +paused by you$/m);
    expect(shown({ backend: gone, connection: away })).toMatch(
      /^Activity +no backend answers.*\nBackend +does not answer \(ECONNREFUSED\)$/m,
    );
    expect(shown({ models: [] })).toMatch(/^Activity +no model to serve/m);
    expect(shown({ models: broken })).toMatch(/^Activity +fenced/m);
    expect(shown({ trust: { level: "none", mismatches: [{ component: "binary" }] } as never })).toMatch(
      /^Activity +fenced/m,
    );
    expect(shown({ backend: { type: "reachable", missing: ["qwen3-8b"], down: [] } })).toMatch(
      /^Backend +does not have qwen3-8b$/m,
    );
  });

  it("says what the coordinator thinks of it, line by line, and that nobody can be served", () => {
    const shown = (changes: Partial<AgentStatus>): string => {
      const status = exampleStatus(changes);
      const now = { ...status, standing: standingOf(status) };
      return renderStatus(now, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    };
    expect(shown({ advice: ["a: it is full.", "b: it is too hot."] })).toMatch(
      /^Outlook +a: it is full\.\n +b: it is too hot\.$/m,
    );
    expect(shown({})).not.toMatch(/^Outlook/m);
    const idle = { type: "serving", running: 0 } as const;
    const of = (...gates: string[][]) => gates.map((each, n) => ({ model: `m${n}`, gates: each }));
    const stopped = (...gates: string[][]): boolean =>
      /^Activity +no requests come now$/m.test(shown({ activity: idle, eligibility: of(...gates) }));
    expect(stopped(["no_headroom"], ["free_memory"])).toBe(true);
    expect(stopped(["no_headroom"], [])).toBe(false);
    expect(stopped([])).toBe(false);
    expect(stopped()).toBe(false);
    // It is lent to its owner only, whom it can serve.
    expect(stopped(["private_only"])).toBe(false);
    expect(shown({ eligibility: of(["no_headroom"]) })).toMatch(/^Activity +serving, 2 running$/m);
  });

  it("names those of several backends that do not answer", () => {
    const down = [{ name: "127.0.0.1:9", problem: "ECONNREFUSED" }];
    const status = exampleStatus({ backend: { type: "reachable", missing: [], down } });
    expect(renderStatus(status, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false))).toMatch(
      /^Backend +127\.0\.0\.1:9 does not answer \(ECONNREFUSED\)$/m,
    );
  });

  it("says in its owner's words how the machine stands, and what counts most against it first", () => {
    const shown = (reputation: AgentStatus["reputation"]): string => {
      const status = exampleStatus(reputation === undefined ? {} : { reputation });
      return renderStatus(status, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    };
    const reasons = { failed_after_content: { count: 1, ms: 940 }, late: { count: 3, ms: 2_100 } };
    expect(shown({ score: 49, reasons })).toMatch(
      /^Reputation +49 of 100\n +3 × it took longer than its deadline \(counts 2\.1 s\)\n +1 × an answer broke off \(counts 0\.9 s\)$/m,
    );
    expect(shown({ score: 100, reasons: {} })).toMatch(/^Reputation +100 of 100, nothing is held against it$/m);
    expect(shown(undefined)).not.toMatch(/^Reputation/m);
  });

  it("says in its owner's words why it got no work, and that there is a newer program", () => {
    const shown = (changes: Partial<AgentStatus>): string =>
      renderStatus(exampleStatus(changes), Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    const window_ms = 300_000;
    const told = shown({
      work: { window_ms, picked: 2, lost: 3, rejected: { tools: 1, private_only: 4 } },
      update: { latest_version: "0.8.0", url: "https://example.com/agent", required: false },
    });
    expect(told).toMatch(/^Work +chosen 2 times, passed over 8 times in the last 5 min$/m);
    expect(told).toMatch(
      /another machine was quicker.*\n.*4 × it was paused or is open to its owner.*\n.*1 × it cannot call tools/,
    );
    expect(told).toMatch(/^Update +version 0\.8\.0 is out: https:\/\/example\.com\/agent$/m);
    const needed = shown({ update: { latest_version: "0.8.0", required: true } });
    expect(needed).toMatch(/^Update +version 0\.8\.0 is needed to get requests$/m);
    expect(shown({ work: { window_ms, picked: 0, lost: 0, rejected: {} } })).toContain("no requests came by");
    expect(shown({})).not.toMatch(/^(Work|Update) /m);
  });

  it("says what the machine has earned, and what of that it has not been told", () => {
    const shown = (changes: Partial<AgentStatus>): string =>
      renderStatus(exampleStatus(changes), Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    const earnings = {
      today_micro_usd: 1_200,
      week_micro_usd: 2_500_000,
      total_micro_usd: 1_234_567_890,
      as_of: "2026-01-05T08:59:30.000Z",
    };
    expect(shown({ earned_micro_usd: 1_234_567_890, earnings })).toMatch(
      /^Earned +\$0\.0012 today, \$2\.50 this week, \$1234\.56789 in all \(as of 2026-01-05 08:59 UTC\)$/m,
    );
    expect(shown({ earnings: { ...earnings, today_micro_usd: null, week_micro_usd: -30_000 } })).toMatch(
      /^Earned +not told yet of today, -\$0\.03 this week, /m,
    );
    expect(shown({})).toMatch(/^Earned +not told by the coordinator$/m);
  });

  it("says how long requests ran, and that a full disk will forget it", () => {
    const shown = (busy: AgentStatus["busy"]): string => {
      const status = exampleStatus(busy === undefined ? {} : { busy });
      return renderStatus(status, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    };
    const busy = { today_ms: 754_000, week_ms: 7_200_000, total_ms: 90_000_000, since: "2026-01-01T10:00:00.000Z" };
    expect(shown(busy)).toMatch(
      /^Busy +12 min 34 s today, 2 h this week, 1 d 1 h in all \(counted since 2026-01-01; days of UTC\)\n\n/m,
    );
    expect(shown({ ...busy, unkept: "its disk is full (ENOSPC)" })).toMatch(
      /days of UTC\)\n +forgotten when the agent ends: its disk is full \(ENOSPC\)$/m,
    );
    expect(shown(undefined)).not.toMatch(/^Busy/m);
  });

  it("says that electricity is an estimate, of what it is made, and what is not known", () => {
    const shown = (electricity: AgentStatus["electricity"]): string => {
      const status = exampleStatus(electricity === undefined ? {} : { electricity });
      return renderStatus(status, Date.parse("2026-01-05T09:00:00Z"), pc.createColors(false));
    };
    const estimated = {
      type: "estimated",
      usd_per_kwh: 0.3,
      extra_watts: 120,
      watts_of: "settings",
      today: { kwh: 0.000_1, micro_usd: 30 },
      week: { kwh: 0.061_7, micro_usd: 18_510 },
      total: { kwh: 120.4, micro_usd: 36_120_000 },
    } as const;
    expect(shown(estimated)).toMatch(
      /^Electricity +estimate: under \$0\.0001 today, \$0\.0185 this week, \$36\.12 in all \(0\.0001, 0\.062, 120 kWh\)\n +120 W more while busy \(as you set it\) × busy time × \$0\.30 a kWh$/m,
    );
    expect(shown({ ...estimated, watts_of: "gpu" })).toContain("120 W more while busy (measured, of the GPU only) ×");
    const unknown = { type: "unknown", usd_per_kwh: 0.3 } as const;
    expect(shown({ ...unknown, reason: "no_meter" })).toMatch(
      /^Electricity +not known: nothing here measures watts that the agent may read \(or set electricity\.extra_watts\)$/m,
    );
    expect(shown({ ...unknown, reason: "too_few_readings" })).toMatch(
      /^Electricity +not known: its watts have been measured too little yet \(/m,
    );
    expect(shown(undefined)).not.toMatch(/Electricity/);
  });

  it("shows what the running agent says, for people and for scripts", async () => {
    await using home = new CliHome();
    await using agent = await start(home);
    const { stdout, code } = await home.run(["status"]);
    expect(code).toBe(0);
    for (const words of [
      "serving, 2 running",
      "registered with wss://c/ as p-1",
      "self_attested",
      "Apple M4 Max, 64 GiB, thermal state serious",
      "12 served, 1 failed, 3 cancelled",
      "3400 read, 560 written, 82.5 a second now",
      "$1.23",
      `${agent.server.url}/#`,
    ]) {
      expect(stdout).toContain(words);
    }
    expect(stdout).toMatch(/qwen3-8b +running +2 +1 +41\.3\nodd +template broken +0 +0 +-/);
    expect(await home.json(["status"])).toEqual(STATUS);
  });

  it("goes on with --watch until Ctrl-C", async () => {
    await using home = new CliHome();
    await using _agent = await start(home);
    const cli = home.start(["status", "--watch", "--json"]);
    await cli.says("\n", await cli.says("\n"));
    cli.process.kill("SIGINT");
    expect((await cli.ended).code).toBe(0);
    expect(
      cli.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toContainEqual(STATUS);
    expect((await home.run(["status", "--watch"])).code).toBe(2);
  });

  it("pauses and resumes", async () => {
    await using home = new CliHome();
    await using agent = await start(home);
    expect((await home.run(["pause", "--for", "1h30m"])).stdout).toMatch(/paused by you, for another 1 h (29|30) min/);
    expect((await home.run(["pause"])).stdout).toContain("paused by you, 1 running");
    expect((await home.run(["resume"])).stdout).toMatch(/Earned +not told by the coordinator/);
    expect(agent.told).toEqual([["pause", 5_400_000], ["pause", undefined], ["resume"]]);
  });

  it("says when no agent runs, or one does not answer", async () => {
    await using home = new CliHome();
    expect(await home.run(["status"])).toMatchObject({
      code: 8,
      stderr: expect.stringContaining("hearth-agent start"),
    });
    const agent = await start(home);
    await agent.server.close();
    expect(await home.run(["pause"])).toMatchObject({ code: 8, stderr: expect.stringContaining("does not answer") });
    expect(await home.run(["status", "--name", "other"])).toMatchObject({ code: 8 });
    await agent[Symbol.asyncDispose]();
  });
});
