import { seededRng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import type { RequestId } from "@hearth/protocol";
import { expect, it } from "vitest";
import type { ProviderLink, StreamListener } from "../fleet/provider-link.js";
import { Background } from "../platform/background.js";
import { HearthError } from "../platform/errors.js";
import { countingIds } from "../platform/ids.js";
import { ProviderContexts } from "../sealing/provider-contexts.js";
import { Affinity } from "../selection/affinity.js";
import { DEFAULT_CATALOG } from "../selection/catalog.js";
import { defaultExpecting } from "../selection/expecting.js";
import { OutlierDetector } from "../selection/outlier.js";
import { createPicker } from "../selection/picker.js";
import { DEFAULT_SELECTION } from "../selection/settings.js";
import { WaitQueue } from "../selection/wait-queue.js";
import { type FakeProvider, fakeDirectory, fakeModel, fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { Hedging } from "./hedging.js";
import { openAttempt } from "./open-attempt.js";
import type { OutboundForm } from "./outbound-request.js";

function setUp(provider: FakeProvider, form: () => OutboundForm) {
  const clock = new FakeClock();
  const rng = seededRng(1);
  const providers = () => [provider];
  const outlier = new OutlierDetector({ clock, rng, hooks: { ejected() {}, capacityCooled() {} } });
  const picker = createPicker({
    directory: fakeDirectory([provider]),
    catalog: () => DEFAULT_CATALOG,
    settings: () => DEFAULT_SELECTION,
    outlier,
    expecting: defaultExpecting,
    affinity: new Affinity(),
    clock,
    rng,
    hooks: { rejected() {}, lost() {}, decided() {}, servedAlthoughEjected() {} },
  });
  const queue = new WaitQueue(picker, clock, { depth() {}, waited() {} });
  const suppressed: string[] = [];
  const ended: unknown[] = [];
  const confirmed: unknown[] = [];
  const hedging = new Hedging({ providers, queue, suppressed: (why) => suppressed.push(why), backupWon() {} });
  const start = openAttempt(
    {
      picker,
      queue,
      hedging,
      session: () => provider as unknown as ProviderLink,
      ids: countingIds(),
      clock,
      contexts: new ProviderContexts(clock),
      background: new Background(clock),
      distrust() {},
      observer: {
        started() {},
        content() {},
        receipt() {},
        ended: (...told) => ended.push(told),
        undigested() {},
        usageClamped() {},
        cancelConfirmed: (...told) => confirmed.push(told),
      },
    },
    {
      request: { id: "req" as RequestId, model: "m", delivery: "whole", form },
      traits: fakeTraits(),
      takePlace: () => undefined,
      sent() {},
    },
  );
  return { start, suppressed, ended, confirmed };
}

const never = () => new AbortController().signal;

it("answers a failure of our own translation as ours, and gives the place back", () => {
  const provider = fakeProvider("p");
  const { start } = setUp(provider, () => {
    throw new TypeError("translation");
  });
  expect(start("primary", never)).toMatchObject({ type: "unavailable", error: { code: "internal" } });
  expect(provider.places).toBe(0);
});

it("tells the books whose attempt has ended, where, and how, and that its cancel was confirmed", () => {
  const provider = fakeProvider("p");
  const listeners: StreamListener[] = [];
  const openStream = (_request: unknown, listener: StreamListener) => {
    listeners.push(listener);
    return { grant() {}, cancel() {} };
  };
  const connected = Object.assign(provider, { openStream, proven: undefined });
  const { start, ended, confirmed } = setUp(connected, () => ({
    dialect: "chat_completions",
    format: "events",
    body: new Uint8Array(),
    readEvent: () => ({ kind: "done" }),
  }));
  const started = start("primary", never);
  if (!("type" in started) || started.type !== "started") throw new Error("not started");
  started.attempt.cancel("consumer_gone");
  const end = { type: "cancelled", reason: "consumer_gone", progress: "not_started", generatedTokens: 0 };
  const attempt = { requestId: "req", attemptId: started.attempt.id, provider: "p", model: "m" };
  expect(ended).toEqual([["primary", end, attempt]]);
  const told = { ended: "error", spent: { prompt_tokens: 7, completion_tokens: 3 }, clamped: [] } as const;
  listeners[0]?.cancelConfirmed(told);
  expect(confirmed).toEqual([["p", told]]);
  expect(provider.places).toBe(0);
});

it("pays nothing for a backup that nobody could take", () => {
  const provider = fakeProvider("p", { models: new Map([["m", fakeModel({ context_length: 1 })]]) });
  const { start, suppressed } = setUp(provider, () => {
    throw new HearthError("internal", "not reached");
  });
  for (let i = 0; i < 30; i++) expect(start("backup", never)).toMatchObject({ type: "unavailable" });
  expect(suppressed).toEqual([]);
});
