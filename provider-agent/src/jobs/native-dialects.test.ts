import type { BackendDialect } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import { answerJson, startEvents, streamOf } from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";

const BODY = { model: "m", stream: true };

const event = (value: { readonly type: string; readonly [key: string]: unknown }): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

interface Case {
  readonly dialect: BackendDialect;
  readonly begin: string;
  readonly delta: (text: string) => string;
  readonly end: string;
  readonly failure: string;
  /** What the texts below come to as one body. */
  readonly whole: object;
}

const usage = { input_tokens: 1, cache_read_input_tokens: 16, output_tokens: 0 };

const CASES: readonly Case[] = [
  {
    dialect: "messages",
    begin:
      event({ type: "message_start", message: { id: "msg_1", content: [], usage } }) +
      event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    delta: (text) => event({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
    end:
      event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 9 } }) +
      event({ type: "message_stop" }),
    failure: event({ type: "error", error: { type: "overloaded_error", message: "busy" } }),
    whole: {
      id: "msg_1",
      content: [{ type: "text", text: "Grüße, Zoë" }],
      stop_reason: "end_turn",
      usage: { ...usage, output_tokens: 9 },
    },
  },
  {
    dialect: "responses",
    begin: event({ type: "response.created", response: { id: "resp_1", output: [] } }),
    delta: (delta) => event({ type: "response.output_text.delta", delta }),
    end: event({
      type: "response.completed",
      response: { usage: { input_tokens: 17, output_tokens: 9, input_tokens_details: { cached_tokens: 16 } } },
    }),
    failure: event({ type: "response.failed", response: { error: { code: "rate_limit_exceeded", message: "busy" } } }),
    whole: { usage: { input_tokens: 17, output_tokens: 9 } },
  },
];

const COUNTED = { prompt_tokens: 17, completion_tokens: 9, cached_tokens: 16 };

describe.each(CASES)("a backend that speaks $dialect", ({ dialect, begin, delta, end, failure, whole }) => {
  const texts = ["Grüße", ", ", "Zoë"].map(delta);
  const answer = [begin, ...texts, end].join("");

  it("is asked at its own endpoint, and its events come back byte for byte, with its counts", async () => {
    await using setting = await startSetting(streamOf(begin, ...texts, end));
    const sent = setting.link.request(BODY, { dialect });
    expect(await sent.end()).toEqual({
      type: "complete",
      stream: sent.stream,
      usage: COUNTED,
    });
    expect(sent.text).toBe(answer);
    expect(setting.backend.calls[0]?.path).toBe(`/v1/${dialect}`);
  });

  it("may end its stream with `[DONE]` besides, which goes no further, and keeps its connection", async () => {
    await using setting = await startSetting(streamOf(answer, "data: [DONE]\n\n"));
    for (let i = 0; i < 3; i++) {
      const sent = setting.link.request(BODY, { dialect });
      expect((await sent.end()).type).toBe("complete");
      expect(sent.text).toBe(answer);
    }
    expect(new Set(setting.backend.calls.map(({ request }) => request.socket)).size).toBeLessThanOrEqual(2);
  });

  it("has its answer delivered when its end is here, though its body stays open", async () => {
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(answer);
    });
    const sent = setting.link.request(BODY, { dialect });
    expect((await sent.end()).type).toBe("complete");
  });

  it("may leave out the last blank line", async () => {
    await using setting = await startSetting(streamOf(answer.trimEnd()));
    const sent = setting.link.request(BODY, { dialect });
    expect((await sent.end()).type).toBe("complete");
    expect(sent.text).toBe(answer);
  });

  it.each(["", "data: [DONE]\n\n"])("is cut short without its end, also behind %j", async (more) => {
    await using setting = await startSetting(streamOf(begin, ...texts, more));
    const sent = setting.link.request(BODY, { dialect });
    expect(await sent.end()).toMatchObject({
      type: "error",
      code: "backend_error",
      status: 502,
      progress: "processed",
    });
    expect(sent.finished).toBe(false);
  });

  it("is one body of its own dialect under `whole`", async () => {
    await using setting = await startSetting(streamOf(begin + texts.join("") + end));
    const sent = setting.link.request(BODY, { dialect, delivery: "whole" });
    expect((await sent.end()).type).toBe("complete");
    expect(sent.holdings).toEqual(["content"]);
    expect(JSON.parse(sent.text)).toMatchObject(whole);
  });

  it.each([
    ["before content", "refused", (): string => begin],
    ["behind content", "processed", (): string => begin + texts.join("")],
  ] as const)(
    "has its error %s forwarded with its word, and the job counted as failed",
    async (_when, progress, before) => {
      await using setting = await startSetting(streamOf(before(), failure, "data: [DONE]\n\n"));
      for (const delivery of ["interactive", "whole"] as const) {
        const sent = setting.link.request(BODY, { dialect, delivery });
        expect(await sent.end()).toMatchObject({ type: "error", code: "capacity", progress });
        expect(sent.text).toBe(delivery === "whole" ? "" : before() + failure);
        if (delivery === "whole") expect(sent.errorBody()).toMatchObject({ error: { message: expect.any(String) } });
        expect(sent.finished).toBe(false);
      }
    },
  );

  it("has an error that is the whole body of a 200 told by its word", async () => {
    const error = { type: "error", error: { type: "rate_limit_error", message: "slow down" } };
    await using setting = await startSetting((call) => answerJson(call, 200, error));
    const sent = setting.link.request(BODY, { dialect });
    expect(await sent.end()).toMatchObject({ code: "capacity", status: 429, progress: "refused" });
    expect(sent.errorBody()).toEqual(error);
  });

  it("sees a cancel within 100 ms, and what was spent until then is counted by its deltas", async () => {
    await using setting = await startSetting((call) => {
      startEvents(call);
      call.response.write(begin + texts.join(""));
    });
    const sent = setting.link.request(BODY, { dialect });
    await sent.received("Zoë");
    sent.cancel();
    expect(await eventually(() => setting.backend.calls[0]?.aborted === true)).toBeLessThan(100);
    expect(await sent.end()).toMatchObject({ code: "cancelled", usage: { completion_tokens: 3 } });
  });
});
