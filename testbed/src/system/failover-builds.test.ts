import { NO_SETTINGS, type Settings } from "@hearth/coordinator";
import { afterEach, describe, expect, it } from "vitest";
import { isGood } from "../scripted/answers.js";
import {
  dispatched,
  type Script,
  type ScriptedProvider,
  type ScriptedProviderOptions,
} from "../scripted/scripted-provider.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// An alias whose desired build is broken is served by its previous one, through a real coordinator and real sockets.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const ask = (more: object = {}): object => ({ model: "al", messages: [{ role: "user", content: "hi" }], ...more });
const answer: Script = (s) => s.answer("good");
const aliases = new Map([["al", { desired: "new", previous: "old" }]]);
const settings: Settings = { ...NO_SETTINGS, catalog: { ...NO_SETTINGS.catalog, aliases } };
const NEW = { models: [{ id: "new" }] };
const OLD = { models: [{ id: "old" }] };

const isServed = async (more: object): Promise<boolean> => isGood(await hearth.chat(ask(more)));

describe("a desired build that is broken", () => {
  const BREAKS: readonly (readonly [string, Script])[] = [
    ["fails before content", (s) => s.error()],
    [
      "fails behind a role",
      (s) => {
        s.role();
        s.error();
      },
    ],
    ["is not found by its backend", (s) => s.error({ status: 404, progress: "refused" })],
    [
      "sends what is no event",
      (s) => {
        s.sendFrame(s.sealed("data: nothing\n\n", true));
        s.complete();
      },
    ],
    ["has no room, as it says each time", (s) => s.error({ code: "capacity", status: 503, progress: "not_started" })],
    ["cannot be reached by its agents", (s) => s.error({ code: "backend_unreachable", progress: "not_started" })],
  ];

  it.each(BREAKS)("costs no consumer anything where it %s on every machine", async (_how, breaks) => {
    hearth = await startTestCoordinator({ settings });
    const broken: ScriptedProvider[] = [];
    for (let i = 0; i < 8; i++) broken.push(await hearth.provider(breaks, NEW));
    const old = await hearth.provider(answer, OLD);
    for (let i = 0; i < 40; i++) expect(await isServed({ stream: i % 2 === 0 })).toBe(true);
    expect(old.streams).toHaveLength(40);
    expect(dispatched(broken)).toBeGreaterThan(0);
  });

  it.each([true, false])("costs nothing where three requests fail on it at once (stream: %s)", async (stream) => {
    hearth = await startTestCoordinator({ settings });
    const broken: ScriptedProvider[] = [];
    for (let i = 0; i < 3; i++) broken.push(await hearth.provider((s) => s.error(), NEW));
    const old = await hearth.provider(answer, OLD);
    const good = await Promise.all([1, 2, 3].map(() => isServed({ stream })));
    expect(good).toEqual([true, true, true]);
    expect(dispatched(broken)).toBeGreaterThanOrEqual(3);
    expect(old.streams).toHaveLength(3);
  });

  it("costs nothing where only one machine of it works, and it is that build which answers in the end", async () => {
    hearth = await startTestCoordinator({ settings });
    for (let i = 0; i < 3; i++) await hearth.provider((s) => s.error(), NEW);
    const well = await hearth.provider(answer, NEW);
    const old = await hearth.provider(answer, OLD);
    for (let i = 0; i < 40; i++) expect(await isServed({})).toBe(true);
    // The machines that fail are out: nobody is let down any more.
    expect(old.streams.length).toBeLessThan(20);
    expect(well.streams.length).toBeGreaterThan(20);
  });
});

describe("a desired build that nobody can serve", () => {
  const ABSENT: readonly (readonly [string, Partial<ScriptedProviderOptions>])[] = [
    ["its template does not render", { models: [{ id: "new", template_render_ok: false }] }],
    ["its slot has crashed", { ...NEW, slots: [{ model: "new", state: "crashed", running: 0, queued: 0 }] }],
  ];

  it.each(ABSENT)("gives way at once: %s", async (_why, options) => {
    hearth = await startTestCoordinator({ settings });
    const absent = await hearth.provider(answer, options);
    const old = await hearth.provider(answer, OLD);
    for (const stream of [true, false]) expect(await isServed({ stream })).toBe(true);
    expect([absent.streams.length, old.streams.length]).toEqual([0, 2]);
  });

  it("gives way at once when its last machine has gone", async () => {
    hearth = await startTestCoordinator({ settings });
    const gone = await hearth.provider(answer, NEW);
    const old = await hearth.provider(answer, OLD);
    expect(await isServed({})).toBe(true);
    await gone.close();
    expect(await isServed({})).toBe(true);
    expect(old.streams).toHaveLength(1);
  });
});
