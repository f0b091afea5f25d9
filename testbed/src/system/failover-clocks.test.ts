import { DEFAULT_POLICY, type PolicySettings } from "@hearth/coordinator";
import type { Slot } from "@hearth/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { errorOf, readStream, until } from "../scripted/answers.js";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Who is waited for, and for how long, through a real coordinator and real sockets.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

/** A hundredth of what they are: an estimate of 100 ms at least, 450 for each movement, six seconds while loading. */
const SCALED: PolicySettings = {
  ...DEFAULT_POLICY,
  costlyMs: 10,
  ttftBaseMs: 100,
  ttftPerThousandTokensMs: 1,
  signExtensionMs: 450,
  loadingMaxMs: 6_000,
  reseekMs: 20,
};

const ask = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const answer: Script = (s) => s.answer("good");
const slot = (more: Partial<Slot> = {}): Slot => ({ model: "m", state: "running", running: 0, queued: 0, ...more });
/** Chosen before all others. */
const QUICK = slot({ max_concurrency: 1, decode_tps: 200, prefill_tps: 5_000 });
/** Seven of its eight slots are used: with the quick one, more of the fleet than any backup is started for. */
const BUSY = slot({ running: 7, max_concurrency: 8, decode_tps: 5, prefill_tps: 50 });
const FULL = slot({ ...BUSY, running: 8 });

/** A machine whose slot is known from a heartbeat: what runs there is told only so. */
async function machine(script: Script, told: Slot): Promise<ScriptedProvider> {
  const provider = await hearth.provider(script, { slots: [told] });
  await provider.beat();
  return provider;
}

async function timed<T>(work: Promise<T>): Promise<readonly [T, number]> {
  const startedAt = performance.now();
  return [await work, performance.now() - startedAt];
}

describe("a machine that hangs", () => {
  const HANGS: readonly (readonly [string, Script])[] = [
    ["without a word", () => {}],
    ["behind a word that its model is being loaded", (s) => s.accepted()],
    ["behind a word that the request waits in its line", (s) => s.working("queued", 3)],
    ["behind a word that it reads the prompt", (s) => s.working("prefilling", 1)],
    ["behind a role", (s) => s.role()],
    [
      "and says the same again and again",
      async (s) => {
        while (await s.takes(30)) s.working("loading", 1);
      },
    ],
    [
      "while its server is at work for somebody",
      async (s) => {
        for (let counter = 1; await s.takes(30); counter++) s.working("generating", counter, "server");
      },
    ],
    [
      "and only holds the stream open",
      async (s) => {
        while (await s.takes(30)) if (s.frame.delivery !== "whole") s.raw(": still here\n\n");
      },
    ],
  ];

  describe.each([true, false])("stream: %s", (stream) => {
    it.each(HANGS)("%s, is replaced by the free slot of a busy one", async (_how, hangs) => {
      hearth = await startTestCoordinator({ policy: SCALED });
      const hung = await machine(hangs, QUICK);
      const busy = await machine(answer, BUSY);
      const [response, ms] = await timed(hearth.chat(ask({ stream })));
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("good");
      expect([hung.streams.length, busy.streams.length]).toEqual([1, 1]);
      expect(ms).toBeLessThan(SCALED.loadingMaxMs / 2);
      // Who has moved is raced, who has not is given up.
      expect(["lost_race", "deadline"]).toContain(await hung.streams[0]?.cancelled);
    });
  });

  it("is kept until somebody has room, and let go then", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const hung = await machine(() => {}, QUICK);
    const full = await machine(answer, FULL);
    const pending = hearth.chat(ask());
    await until("a second one is looked for", () => hearth.coordinator.queued() === 1);
    expect(hung.streams[0]?.cancelReason).toBeUndefined();
    full.heartbeat([BUSY]);
    expect((await pending).status).toBe(200);
    expect(await hung.streams[0]?.cancelled).toBe("deadline");
  });

  it("may answer after all while nobody else has room", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const slow = await machine((s) => void s.takes(600).then(() => s.answer("slow")), QUICK);
    await machine(answer, FULL);
    const got = await readStream(await hearth.chat(ask({ stream: true })));
    expect(got).toMatchObject({ status: 200, content: "slow", errors: [] });
    expect(slow.streams[0]?.cancelReason).toBeUndefined();
    expect(hearth.coordinator.queued()).toBe(0);
  });
});

describe("a lone machine", () => {
  it.each([true, false])("is waited for although it takes many times its deadline (stream: %s)", async (stream) => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const lone = await hearth.provider(async (s) => {
      if (await s.takes(1_000)) s.answer("late");
    });
    const response = await hearth.chat(ask({ stream }));
    expect(response.status).toBe(200);
    expect(response.headers.get("x-attempts")).toBe("1");
    expect(await response.text()).toContain("late");
    expect(lone.streams).toHaveLength(1);
  });

  it("is never refused for its failures: each request may find it well", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    let ill = 5;
    const lone = await hearth.provider((s) => (ill-- > 0 ? s.error() : s.answer("well")));
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await hearth.chat(ask())).status);
    expect(statuses).toEqual([502, 502, 502, 502, 502, 200, 200, 200]);
    expect(lone.streams).toHaveLength(8);
    expect(await hearth.metric('hearth_cooldowns_total{kind="base"}')).toBeGreaterThan(0);
  });

  it("is waited for when it has no room, also where it says so only when asked", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    let full = true;
    const lone = await hearth.provider((s) =>
      full ? s.error({ code: "capacity", status: 503, progress: "not_started" }) : s.answer("good"),
    );
    const pending = hearth.chat(ask());
    await until("the refused request waits", () => hearth.coordinator.queued() === 1);
    full = false;
    lone.heartbeat();
    expect((await pending).status).toBe(200);
  });
});

describe("who was started too late", () => {
  const lateFailure: Script = async (s) => {
    if (await s.takes(900)) s.error();
  };
  const innocent: Script = async (s) => {
    if (await s.takes(250)) s.answer("good");
  };
  const slots = [slot({ max_concurrency: 8, decode_tps: 20, prefill_tps: 500 })];

  it("answers where the consumer has the time", async () => {
    hearth = await startTestCoordinator({ policy: { ...SCALED, ttftBaseMs: 2_000, costlyMs: 1_000 } });
    await machine(lateFailure, QUICK);
    await machine(lateFailure, QUICK);
    const third = await hearth.provider(innocent, { slots });
    for (let i = 0; i < 3; i++) expect((await hearth.chat(ask())).status).toBe(200);
    expect(third.streams.map((each) => each.cancelReason)).toEqual([undefined, undefined, undefined]);
  });

  it("is not struck where the consumer has not", async () => {
    hearth = await startTestCoordinator({ policy: { ...SCALED, ttftBaseMs: 2_000, costlyMs: 1_000 } });
    await machine(lateFailure, QUICK);
    const third = await hearth.provider(innocent, { slots });
    for (let i = 0; i < 2; i++) {
      const response = await hearth.chat(ask(), { headers: { "X-Hearth-Timeout": "1" } });
      expect(await errorOf(response)).toEqual({ status: 504, code: "provider_timeout" });
    }
    expect(third.streams.map((each) => each.cancelReason)).toEqual(["superseded", "superseded"]);
    expect(await hearth.metric('hearth_dispatches_total{role="retry",result="timeout"}')).toBe(0);
    expect(await hearth.metric('hearth_cooldowns_total{kind="base"}')).toBe(0);
    expect((await hearth.chat(ask())).status).toBe(200);
  });
});

describe("patience that the consumer sets", () => {
  const headers = { "X-Hearth-Timeout": "1" };
  const ENDS: readonly (readonly [string, Script, number, string])[] = [
    ["nobody had begun", () => {}, 504, "provider_timeout"],
    ["it had begun and fallen silent", (s) => s.role(), 504, "answer_stalled"],
    ["it was reading the prompt", (s) => s.working("prefilling", 1), 504, "answer_stalled"],
    ["its model was being loaded", (s) => s.accepted(), 504, "model_load_timeout"],
  ];

  it.each(ENDS)("ends in words for what it was: %s", async (_why, script, status, code) => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const provider = await hearth.provider(script);
    const [response, ms] = await timed(hearth.chat(ask({ stream: true }), { headers }));
    expect(await errorOf(response)).toEqual({ status, code });
    expect(ms).toBeGreaterThan(990);
    expect(ms).toBeLessThan(3_000);
    expect(await provider.streams[0]?.cancelled).toBeDefined();
    expect(await hearth.metric("hearth_streams_open")).toBe(0);
  });

  it("counts the time in line", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    const full = await machine(answer, FULL);
    const [response, ms] = await timed(hearth.chat(ask({ stream: true }), { headers }));
    expect(await errorOf(response)).toEqual({ status: 429, code: "no_capacity" });
    expect(ms).toBeGreaterThan(990);
    expect(ms).toBeLessThan(3_000);
    expect(full.streams).toHaveLength(0);
  });
});
