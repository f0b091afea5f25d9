import { DEFAULT_POLICY, NO_SETTINGS, type PolicySettings } from "@hearth/coordinator";
import { afterEach, describe, expect, it } from "vitest";
import { isGood, until } from "../scripted/answers.js";
import type { Script, ScriptedProvider, ScriptedProviderOptions } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Fleets of which a part is broken, through a real coordinator and real sockets: what consumers see of it.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const ask = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const answer: Script = (s) => s.answer("good");

/** A machine that is back, as the same, whenever it has cut its connection. */
async function returning(script: Script, options: Partial<ScriptedProviderOptions>): Promise<void> {
  const identity = Buffer.alloc(32, machines++).toString("base64url");
  const home = hearth;
  const join = async (): Promise<void> => {
    const provider = await home.provider(script, { ...options, identity });
    void provider.closed.then(() => join()).catch(() => {});
  };
  await join();
}
let machines = 1;

interface Seen {
  readonly errors: number;
  readonly asked: number;
}

/** Sends so many requests, one after another, streamed and not in turns. */
async function send(count: number, model = "m"): Promise<Seen> {
  let errors = 0;
  for (let i = 0; i < count; i++) {
    if (!(await isGood(await hearth.chat(ask({ model, stream: i % 2 === 0 }))))) errors += 1;
  }
  return { errors, asked: count };
}

const REQUESTS = 200;
/** What consumers may see of a fleet of which most is broken. */
const MOST_ERRORS = 3;

describe.each([5, 6])("of eight machines %i are broken", (broken) => {
  const BREAKS: readonly (readonly [string, Script])[] = [
    ["that fail", (s) => s.error()],
    [
      "that send half an answer",
      (s) => {
        s.sendFrame(s.sealed('data: {"choices"', true));
        s.complete();
      },
    ],
    ["that say that they are full", (s) => s.error({ code: "capacity", status: 503, progress: "not_started" })],
    ["that have no such model", (s) => s.error({ code: "backend_error", status: 404, progress: "refused" })],
    [
      "that end behind a role",
      (s) => {
        s.role();
        s.error();
      },
    ],
  ];

  it.each(BREAKS)(
    `${REQUESTS} requests are served beside those %s`,
    async (_how, breaks) => {
      hearth = await startTestCoordinator();
      const ill: ScriptedProvider[] = [];
      for (let i = 0; i < broken; i++) ill.push(await hearth.provider(breaks));
      for (let i = broken; i < 8; i++) await hearth.provider(answer);
      const { errors } = await send(REQUESTS);
      expect(errors).toBeLessThanOrEqual(MOST_ERRORS);
      const wasted = ill.reduce((sum, each) => sum + each.streams.length, 0);
      expect(wasted).toBeGreaterThan(0);
      expect(wasted).toBeLessThanOrEqual(broken * 6);
    },
    60_000,
  );

  it(`${REQUESTS} requests are served beside those that cut their connections`, async () => {
    hearth = await startTestCoordinator();
    for (let i = 0; i < broken; i++) await returning((s) => s.dropConnection(), {});
    for (let i = broken; i < 8; i++) await hearth.provider(answer);
    expect((await send(REQUESTS)).errors).toBeLessThanOrEqual(MOST_ERRORS);
  }, 60_000);
});

describe("of eight machines six hang", () => {
  /** A hundredth of what they are, and so is what counts as equal between two machines. */
  const policy: PolicySettings = {
    ...DEFAULT_POLICY,
    costlyMs: 10,
    ttftBaseMs: 100,
    ttftPerThousandTokensMs: 1,
    signExtensionMs: 450,
    loadingMaxMs: 6_000,
    patienceMs: 6_000,
    reseekMs: 20,
  };
  const { selection } = NO_SETTINGS;
  const settings = { selection: { ...selection, pick: { ...selection.pick, tieMs: 30 } } };
  const HANGS: readonly (readonly [string, Script])[] = [
    ["without a word", () => {}],
    ["behind a role", (s) => s.role()],
    ["behind a word that they load", (s) => s.accepted()],
    ["behind a word that they read the prompt", (s) => s.working("prefilling", 1)],
    [
      "while their servers are at work for somebody",
      async (s) => {
        for (let counter = 1; await s.takes(50); counter++) s.working("generating", counter, "server");
      },
    ],
  ];

  it.each(HANGS)(`%s: ${REQUESTS} requests are served`, { timeout: 60_000 }, async (_how, hangs) => {
    hearth = await startTestCoordinator({ policy, settings });
    for (let i = 0; i < 6; i++) await hearth.provider(hangs);
    for (let i = 0; i < 2; i++) await hearth.provider(answer);
    expect((await send(REQUESTS)).errors).toBeLessThanOrEqual(MOST_ERRORS);
  });
});

describe("a whole answer that dies while it is written", () => {
  const TOKENS = 100;
  const words = Array.from({ length: TOKENS }, (_, i) => `w${i}`);
  const DEATHS: readonly (readonly [string, (s: ScriptedStream) => void])[] = [
    ["its machine is gone", (s) => s.dropConnection()],
    ["its backend fails", (s) => s.error()],
    [
      "half a body is all there is",
      (s) => {
        s.raw("", true);
        s.complete();
      },
    ],
  ];

  it.each(DEATHS)(
    "behind any of its tokens is answered by somebody else: %s",
    { timeout: 60_000 },
    async (_how, die) => {
      hearth = await startTestCoordinator();
      /** Of each model, who was asked first has died. */
      const died = new Set<string>();
      const script: Script = (s) => {
        const { model } = s.frame;
        const dies = !died.has(model);
        died.add(model);
        s.role();
        for (const word of words.slice(0, dies ? Number(model.slice(1)) : TOKENS)) s.content(`${word} `);
        if (dies) return die(s);
        s.finish();
        s.end();
      };
      const models = words.map((_, i) => ({ id: `m${i + 1}` }));
      for (let i = 0; i < 3; i++) await returning(script, { models });
      let answered = 0;
      for (const { id } of models) {
        await until("all are there", () => hearth.coordinator.registry.size === 3);
        const response = await hearth.chat(ask({ model: id }));
        const body = (await response.json()) as { choices?: { message: { content: string } }[] };
        const whole = body.choices?.[0]?.message.content === `${words.join(" ")} `;
        if (response.status === 200 && whole && response.headers.get("x-attempts") === "2") answered += 1;
      }
      expect(answered).toBe(TOKENS);
      expect(died.size).toBe(TOKENS);
      // No consumer was shown an error.
      expect(await hearth.metric('hearth_dispatches_total{role="primary",result="retry_precontent"}')).toBe(TOKENS);
      expect(await hearth.metric('hearth_dispatches_total{role="primary",result="in_band_error"}')).toBe(0);
    },
  );
});
