import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { startStubBackend } from "./stub-backend.js";

// Traces as a collector gets them, over OTLP, and as they go on to machines.

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}
interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[] }[];
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SECRET = "the colour of the secret door";
const BODY = { model: "m", messages: [{ role: "user", content: SECRET }] };

let collector: Server;
let received: string[];
let hearth: TestCoordinator;

async function start(tracing: boolean, ratio = 1): Promise<void> {
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  hearth = await startTestCoordinator({
    config: { tracing: tracing ? { url, ratio, serviceName: "hearth-test" } : undefined },
  });
}
beforeEach(async () => {
  received = [];
  collector = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      received.push(body);
      response.setHeader("Content-Type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  collector.closeAllConnections();
  collector.close();
});

/** All spans, when the coordinator has stopped: then nothing waits any more. */
async function spans(): Promise<readonly OtlpSpan[]> {
  await hearth.stop();
  await eventually("the collector has them", () => received.length > 0);
  return received
    .map((body) => JSON.parse(body) as Export)
    .flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans)),
    );
}

const attributesOf = ({ attributes }: OtlpSpan): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

describe("a request that is traced", () => {
  it("is one span with its steps below, in the trace of its caller, and without a word of what was said", async () => {
    await start(true);
    const failing = await hearth.provider((s) => s.error());
    const good = await hearth.provider((s) => s.answer("forty-two answers"));
    // Whoever is asked first: the failing one is, sooner or later.
    for (let n = 0; n < 20 && failing.streams.length === 0; n++) {
      const traceparent = `00-${TRACE}-${CALLER}-01`;
      expect((await hearth.chat(BODY, { headers: { traceparent } })).status).toBe(200);
    }
    const all = await spans();
    expect(received.join("")).not.toMatch(/secret door|forty-two/);
    expect(new Set(all.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    const failed = all.find((span) => attributesOf(span)["hearth.attempt.result"] === "failed");
    const root = all.find(({ spanId }) => spanId === failed?.parentSpanId);
    expect(root).toMatchObject({ name: "chat m", parentSpanId: CALLER });
    expect(attributesOf(root!)).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "m",
      "gen_ai.usage.output_tokens": expect.anything(),
      "hearth.attempts": 2,
      "hearth.outcome": "success",
    });
    const steps = all.filter(({ parentSpanId }) => parentSpanId === root?.spanId);
    const names = steps.map(({ name }) => name).sort();
    expect(names).toEqual(["admit", expect.stringMatching(/^attempt/), expect.stringMatching(/^attempt/), "relay"]);
    expect(failed?.status).toMatchObject({ code: 2 });
    expect(attributesOf(failed!)).toMatchObject({ "error.type": "backend_error", "hearth.provider.id": failing.id });
    for (const each of steps) {
      expect(BigInt(each.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(root!.startTimeUnixNano));
      expect(BigInt(each.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(root!.endTimeUnixNano) + 1_000_000n);
    }
    const told = good.streams.at(-1)?.frame.traceparent ?? "";
    const answering = steps.find((span) => attributesOf(span)["hearth.provider.id"] === good.id);
    expect(told).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(all.map(({ spanId }) => spanId)).toContain(told.split("-")[2]);
    expect(answering).toBeDefined();
  });

  it("begins a trace of its own where its caller has none, and only so many do", async () => {
    await start(true, 0.5);
    const provider = await hearth.provider((s) => s.answer("good"));
    for (let n = 0; n < 40; n++) await (await hearth.chat(BODY)).text();
    const flags = provider.streams.map(({ frame }) => frame.traceparent?.slice(-2));
    const sampled = flags.filter((each) => each === "01").length;
    expect(flags.filter((each) => each === "00").length).toBe(40 - sampled);
    const traces = new Set((await spans()).map(({ traceId }) => traceId));
    expect(traces.size).toBe(sampled);
  });

  it("tells of a refusal as well", async () => {
    await start(true);
    expect((await hearth.chat(BODY)).status).toBe(404);
    const [root, ...more] = await spans();
    expect(more).toEqual([]);
    expect(root?.status).toMatchObject({ code: 2 });
    expect(attributesOf(root!)).toMatchObject({ "error.type": "model_not_found", "hearth.outcome": "refused" });
  });
});

describe("a request of a coordinator that does not trace", () => {
  it("takes its caller's trace along to the machine, and no other", async () => {
    await start(false);
    const provider = await hearth.provider((s) => s.answer("good"));
    await (await hearth.chat(BODY, { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } })).text();
    await (await hearth.chat(BODY, { headers: { traceparent: "nonsense" } })).text();
    const [first, second] = provider.streams.map(({ frame }) => frame.traceparent);
    expect(first).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(second).toBeUndefined();
    await hearth.stop();
    expect(received).toEqual([]);
  });

  it("takes it through a real agent to the header of its backend", async () => {
    await start(false);
    let header: string | string[] | undefined;
    await using backend = await startStubBackend("m", (exchange) => {
      header = exchange.headers["traceparent"];
      exchange.content("good");
      exchange.end();
    });
    await using _agent = new TestAgent({
      coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
      backend: backend.url,
      config: { tokenFor: () => PROVIDER_TOKEN },
    });
    await eventually("the agent is connected", () => hearth.coordinator.registry.size > 0);
    await (await hearth.chat(BODY, { headers: { traceparent: `00-${TRACE}-${CALLER}-01` } })).text();
    expect(header).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  });
});
