import { setTimeout as delay } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { type BackendScript, CHAT_BODY, chunk, startEvents, USAGE_EVENT } from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";
import { ANSWER_END_MS, untilAnswered } from "./answer-end.js";

const ANSWER = chunk({ role: "assistant", content: "complete answer" }) + chunk({}, "stop");

/** A backend that sends this and then neither more nor the end. */
const held =
  (text: string): BackendScript =>
  (call) => {
    startEvents(call);
    call.response.write(text);
  };

/** A backend that sends this and then, when it has been read, resets its connection. */
const reset =
  (text: string): BackendScript =>
  async (call) => {
    startEvents(call);
    call.response.write(text);
    await delay(50);
    call.request.socket.resetAndDestroy();
  };

function settingOf(script: BackendScript, answerEndSeconds: number) {
  const limits = { maxConcurrency: undefined, perModel: {}, maxWaitSeconds: 10, memoryPercent: undefined };
  return startSetting(script, { config: { limits: { ...limits, answerEndSeconds } } });
}

describe.each(["interactive", "whole"] as const)("an answer that is finished (%s)", (delivery) => {
  it.each([
    ["on a connection that is held open", held(ANSWER), 0.05],
    ["on one that is reset", reset(ANSWER), 45],
    ["in the middle of what follows", reset(`${ANSWER}data: {"choices":[],"us`), 45],
  ])("ends well %s", async (_how, script, seconds) => {
    await using setting = await settingOf(script, seconds);
    const sent = setting.link.request(CHAT_BODY, { delivery });
    expect(await sent.end()).toMatchObject({ type: "complete" });
    expect(sent.text).toContain("complete answer");
    expect(sent.text).not.toContain('"us');
  });

  it("is counted by what still comes behind it", async () => {
    await using setting = await settingOf(held(ANSWER + USAGE_EVENT), 0.05);
    const usage = { prompt_tokens: 7, completion_tokens: 3 };
    expect(await setting.link.request(CHAT_BODY, { delivery }).end()).toMatchObject({ type: "complete", usage });
  });

  it("is none while it is not finished", async () => {
    await using setting = await settingOf(reset(chunk({ content: "half" })), 0.05);
    expect(await setting.link.request(CHAT_BODY, { delivery }).end()).toMatchObject({
      type: "error",
      code: "backend_error",
    });
  });
});

it("waits from the last event, whatever comments come meanwhile", async () => {
  const clock = new FakeClock();
  const scan = { finished: true, events: 1 };
  let arrive: (chunk: Uint8Array) => void = () => {};
  const next = (): Promise<Uint8Array> => new Promise((resolve) => (arrive = resolve));
  const source = untilAnswered({ next }, { clock, scan, endMs: ANSWER_END_MS });
  const comment = async (): Promise<Uint8Array | undefined> => {
    const read = source.next();
    clock.advance(ANSWER_END_MS - 1);
    arrive(Buffer.from(": ping\n\n"));
    return await read;
  };
  expect(await comment()).toBeDefined();
  scan.events += 1;
  expect(await comment()).toBeDefined();
  const last = source.next();
  clock.advance(1);
  expect(await last).toBeUndefined();
});
