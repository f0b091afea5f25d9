import { FakeClock } from "@hearth/platform/testing";
import { LIMITS, type ModelAdvert } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { CountingClock } from "../testing/counting-clock.js";
import { eventually } from "../testing/eventually.js";
import { chunk, DONE, startEvents } from "../testing/scripted-backend.js";
import { type Setting, startSetting } from "../testing/test-agent.js";
import { MODELS_PAUSE_MS, StatusPublisher, type StatusPublisherDeps } from "./status-publisher.js";

const BODY = { model: "m", messages: [], stream: true };

/** Everything that was said so far could be read: the coordinator of tests reports it otherwise. */
async function heardWell({ link }: Setting): Promise<void> {
  const before = link.frames.length;
  const beat = (): boolean => link.frames.slice(before).some(({ type }) => type === "heartbeat");
  await eventually(() => link.problem !== undefined || beat());
  expect(link.problem).toBeUndefined();
}

/** Where the first look was given up, on a clock that runs fast, the next heartbeat tells. */
async function firstSlot({ link }: Setting): Promise<unknown> {
  const slots = (): readonly unknown[] =>
    [link.register, ...link.frames].flatMap((frame) => (frame && "slots" in frame ? frame.slots : []));
  await eventually(() => link.problem !== undefined || slots().length > 0);
  return slots()[0];
}

/** Heartbeats come soon. */
const fast = () => ({ clock: new CountingClock(100) });

const vllm = (metrics: string) => ({
  models: [{ id: "m", owned_by: "vllm" }],
  pages: { "GET /metrics": { body: metrics }, "GET /version": { body: { version: "0.11.0" } } },
});

describe("what an agent says of its backend", () => {
  it.each(["-1", "0.5", "1e300"])("can be read when the backend counts %s requests", async (count) => {
    const metrics = `vllm:num_requests_running ${count}\nvllm:num_requests_waiting ${count}\n`;
    await using setting = await startSetting(undefined, { backend: vllm(metrics), deps: fast() });
    expect(await firstSlot(setting)).toMatchObject({ model: "m" });
    await heardWell(setting);
  });

  it("leaves out a rate that nothing can have", async () => {
    const metrics = "vllm:inter_token_latency_seconds_sum 1e-9\nvllm:inter_token_latency_seconds_count 1e9\n";
    await using setting = await startSetting(undefined, { backend: vllm(metrics), deps: fast() });
    expect(await firstSlot(setting)).not.toHaveProperty("decode_tps");
    await heardWell(setting);
  });

  it("can be read after the backend has claimed an absurd usage", async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const usage = { prompt_tokens: most, completion_tokens: most };
    await using setting = await startSetting(
      (call) => {
        startEvents(call);
        call.response.write(chunk({ content: "one" }), () => {
          call.response.end(`${chunk({ content: "two" })}data: ${JSON.stringify({ choices: [], usage })}\n\n${DONE}`);
        });
      },
      { deps: fast() },
    );
    expect((await setting.link.request(BODY).end()).type).toBe("complete");
    await heardWell(setting);
  });

  it.each(["\u0001", "漢", '"'])("fits the registration when models are named with %j", async (letter) => {
    const models = Array.from({ length: 200 }, (_, i) => ({ id: `${i}${letter.repeat(120)}` }));
    await using setting = await startSetting(undefined, { backend: { models } });
    const { register, frames } = setting.link;
    expect(register?.models.length).toBeGreaterThan(10);
    expect(register?.slots.map(({ model }) => model)).toEqual(register?.models.map(({ id }) => id));
    expect(Buffer.byteLength(JSON.stringify(register))).toBeLessThan(LIMITS.preRegistrationBytes - LIMITS.blobBytes);
    const told = (): unknown => frames.find(({ type }) => type === "models_update");
    await eventually(() => told() !== undefined);
    expect(told()).toMatchObject({ models: models.map(({ id }) => ({ id })) });
  });
});

describe("an agent whose models change faster than it may tell", () => {
  it("signs for the weights that it has told of, until it has told of others", () => {
    const clock = new FakeClock();
    const sent: { readonly type: string }[] = [];
    const advertiser = { models: [{ id: "m", capabilities: {} }] as ModelAdvert[], slots: () => [] };
    using publisher = new StatusPublisher({
      clock,
      advertiser,
      hooks: { connection: () => ({ send: (frame: { readonly type: string }) => void sent.push(frame) }) },
      vitals: { current: {} },
      availability: { heartbeat: { paused: false, private_only: false } },
    } as unknown as StatusPublisherDeps);
    const become = (weights_hash: string): void => {
      advertiser.models = [{ id: "m", capabilities: {}, weights_hash }];
      publisher.changed("models");
    };
    become("first");
    expect(publisher.publishedWeightsHash("m")).toBe("first");
    become("second");
    expect(publisher.publishedWeightsHash("m")).toBe("first");
    expect(sent.filter(({ type }) => type === "models_update")).toHaveLength(1);
    clock.advance(MODELS_PAUSE_MS);
    expect(publisher.publishedWeightsHash("m")).toBe("second");
    expect(sent.filter(({ type }) => type === "models_update")).toHaveLength(2);
    expect(publisher.publishedWeightsHash("other")).toBeUndefined();
  });
});
