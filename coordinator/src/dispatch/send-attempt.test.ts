import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FakeClock } from "@hearth/platform/testing";
import { type DataFrame, decodeData, LIMITS, type RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { ProviderLink, SealedRequest, StreamListener } from "../fleet/provider-link.js";
import { Background } from "../platform/background.js";
import { countingIds } from "../platform/ids.js";
import { ProviderContexts } from "../sealing/provider-contexts.js";
import type { Evidence } from "../selection/evidence/evidence.js";
import { fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { fakePicked, watchedLease } from "../testing/request-fakes.js";
import type { OutboundForm, OutboundRequest } from "./outbound-request.js";
import { type SendDeps, sendAttempt } from "./send-attempt.js";
import { SentAttempt } from "./sent-attempt.js";

const USAGE = { prompt_tokens: 7, completion_tokens: 3 };

function requestOf(body: Uint8Array): OutboundRequest {
  const form: OutboundForm = {
    dialect: "chat_completions",
    format: "events",
    body,
    readEvent: () => ({ kind: "done" }),
  };
  return { id: "req_1" as RequestId, model: "m", delivery: "whole", form: () => form };
}

/** Sends one attempt to a provider that takes it, and tells what is heard of it. */
function send(body: Uint8Array = new Uint8Array(3), opening?: (listener: StreamListener) => void) {
  const clock = new FakeClock();
  const told: string[] = [];
  const headers: Omit<SealedRequest, "frames">[] = [];
  const frames: (DataFrame | undefined)[] = [];
  const listeners: StreamListener[] = [];
  const openStream = ({ opening: header, context, frames: seal }: SealedRequest, listener: StreamListener) => {
    headers.push({ opening: header, context });
    frames.push(...seal(9).map((frame) => decodeData(frame)));
    listeners.push(listener);
    clock.advance(4);
    opening?.(listener);
    return { grant() {}, cancel: (reason: string) => told.push(`cancel ${reason}`) };
  };
  const closing = { openStream, close: (reason: string) => told.push(`close ${reason}`), proven: undefined };
  const link = Object.assign(fakeProvider("p"), closing) as unknown as ProviderLink;
  const observation = {
    content: () => told.push("taught content"),
    ended: (how: string, usage?: object) => told.push(`taught ${how}${usage === undefined ? "" : " with usage"}`),
  };
  const deps: SendDeps = {
    ids: countingIds(),
    clock,
    contexts: new ProviderContexts(clock),
    evidence: { observe: () => observation } as unknown as Evidence,
    background: new Background(clock),
    distrust() {},
    observer: {
      started() {},
      content: (first) => told.push(`content ${first}`),
      receipt() {},
      ended: (role, end) => told.push(`ended ${role} ${end.type}`),
      undigested() {},
      usageClamped() {},
      cancelConfirmed: (provider) => told.push(`confirmed ${provider}`),
    },
  };
  const lease = { ...watchedLease(), report: (sign: string) => void told.push(sign) };
  Object.assign(lease, { [Symbol.dispose]: () => told.push("slot given back") });
  const request = requestOf(body);
  const sent = sendAttempt(deps, {
    pick: fakePicked(lease),
    traits: fakeTraits(),
    role: "primary",
    link,
    request,
    routeMs: 2,
    left: (attempt) => told.push(`left ${attempt.provider}`),
  });
  if (!(sent instanceof SentAttempt)) throw new Error("not sent");
  return {
    sent,
    told,
    header: headers[0],
    frames,
    listener: listeners[0] as StreamListener,
    request: new WeakRef(request),
  };
}

describe("what is sent", () => {
  it("names the request, the build and the dialect, and how long it took", () => {
    const { sent, header } = send();
    expect(header?.opening).toMatchObject({
      request_id: "req_1",
      attempt_id: sent.id,
      model: "m",
      dialect: "chat_completions",
      delivery: "whole",
      body_bytes: 3,
    });
    expect(header?.opening.context_id).toBe(header?.context.context_id);
    expect(sent.times).toEqual({ routeMs: 2, encryptMs: 0, dispatchMs: 4 });
  });

  it.each([
    [0, 1],
    [LIMITS.requestChunkBytes, 1],
    [2 * LIMITS.requestChunkBytes + 1, 3],
  ])("is a body of %i bytes in %i frames, the last of them marked", (bytes, count) => {
    const { frames } = send(new Uint8Array(bytes));
    const expected = Array.from({ length: count }, (_, seq) => ({ seq, final: seq === count - 1 }));
    expect(frames).toMatchObject(expected.map((each) => ({ ...each, stream: 9, kind: "request", holds: "body" })));
  });
});

describe("what is heard of it", () => {
  const END = ["left p", "slot given back"];

  it("reports room at the first sign, and teaches the first content", () => {
    const { listener, told } = send();
    listener.working("generating", 1, "request");
    listener.working("generating", 2, "request");
    expect(told).toEqual(["accept", "accept", "taught content", "content true"]);
  });

  it("gives the slot back at the end, once, and tells everybody", () => {
    const { listener, told, sent } = send();
    listener.failed({ type: "error", stream: 1, code: "backend_error", progress: "processed" });
    listener.lost();
    sent.cancel("consumer_gone");
    expect(told).toEqual(["taught failed", ...END, "ended primary failed"]);
    expect(sent.ending).toMatchObject({ end: { type: "failed" }, at: 4 });
  });

  it("reports that there was no room", () => {
    const { listener, told } = send();
    listener.failed({ type: "error", stream: 1, code: "capacity", progress: "not_started" });
    expect(told).toEqual(["taught failed", "refusal", ...END, "ended primary failed"]);
  });

  it.each([
    ["lost_race", "taught lost_race"],
    ["deadline", "taught given_up"],
    ["consumer_gone", "taught given_up"],
  ] as const)("teaches of a cancel for %s what it is worth", (reason, taught) => {
    const { sent, told } = send();
    sent.cancel(reason);
    expect(told).toEqual([`cancel ${reason}`, taught, ...END, "ended primary cancelled"]);
  });

  it("reports nothing of what its machine has no part in", () => {
    for (const why of ["outrun", "cut"] as const) {
      const { told, listener } = send();
      listener.withdrawn(why);
      expect(told).toEqual(["taught failed", ...END, "ended primary failed"]);
    }
  });

  it("teaches nothing of what has ended before it was on its way", () => {
    const { told } = send(undefined, (listener) => listener.lost());
    expect(told).toEqual([...END, "ended primary failed"]);
  });
});

it("holds nothing of the request once it is cancelled, while its provider has not confirmed that", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const { listener, request, told } = ((): Pick<ReturnType<typeof send>, "listener" | "request" | "told"> => {
    const { sent, ...rest } = send();
    sent.cancel("lost_race");
    return { listener: rest.listener, request: rest.request, told: rest.told };
  })();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(request.deref()).toBeUndefined();
  listener.cancelConfirmed({ ended: "error", spent: USAGE, clamped: [] });
  expect(told.at(-1)).toBe("confirmed p");
});
