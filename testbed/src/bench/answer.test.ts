import { describe, expect, it } from "vitest";
import { type Expectation, readAnswer } from "./answer.js";
import {
  answerText,
  contentEvent,
  DONE_EVENT,
  FINISH_EVENT,
  plainAnswer,
  ROLE_EVENT,
  streamWrites,
} from "./stub-answer.js";

const STREAM: Expectation = { stream: true };
const WHOLE: Expectation = { stream: false };
const ERROR_EVENT = 'data: {"error":{"message":"gone","code":502}}\n\n';

interface Received {
  readonly status?: number;
  readonly type?: string;
  readonly body: string;
}

function judge(expectation: Expectation, { status = 200, type, body }: Received): string | undefined {
  const answer = readAnswer(expectation, () => {});
  answer.head(status, type ?? (expectation.stream ? "text/event-stream" : "application/json"));
  for (const byte of Buffer.from(body)) answer.body(Buffer.of(byte));
  return answer.end();
}

describe("a streamed answer", () => {
  const whole = streamWrites(true).join("");

  it("is complete with text, one finish and one [DONE]", () => {
    expect(judge({ stream: true, text: answerText(true) }, { body: whole })).toBeUndefined();
    expect(
      judge(STREAM, { body: `: comment\n\n${ROLE_EVENT}${contentEvent("é")}${FINISH_EVENT}${DONE_EVENT}` }),
    ).toBeUndefined();
  });

  it.each([
    ["without [DONE]", whole.replace(DONE_EVENT, ""), "0 [DONE]"],
    ["with two [DONE]", whole + DONE_EVENT, "2 [DONE]"],
    ["without text", `${ROLE_EVENT}${FINISH_EVENT}${DONE_EVENT}`, "empty text"],
    ["without a finish", `${contentEvent("a")}${DONE_EVENT}`, "0 finish reasons"],
    ["with two finishes", `${contentEvent("a")}${FINISH_EVENT}${FINISH_EVENT}${DONE_EVENT}`, "2 finish reasons"],
    [
      "with content after its finish",
      whole.replace(DONE_EVENT, contentEvent("more") + DONE_EVENT),
      "content after the finish",
    ],
    ["with content after [DONE]", whole + contentEvent("more"), "an event after [DONE]"],
    ["that is cut within an event", whole.slice(0, -3), "ends within an event"],
    ["with an error in it", `${contentEvent("a")}${ERROR_EVENT}`, "an error event"],
    ["with an event that is no JSON", whole.replace("{", "("), "an event that is not JSON"],
    ["with an event of another kind", `event: ping\n\n${whole}`, "an event without data"],
    ["that is empty", "", "0 [DONE]"],
  ])("%s is broken", (_name, body, problem) => {
    expect(judge(STREAM, { body })).toBe(problem);
  });

  it("that lost a chunk in the middle is broken where the text is known", () => {
    const writes = streamWrites(true).toSpliced(5, 1).join("");
    expect(judge({ stream: true, text: answerText(true) }, { body: writes })).toBe("another text");
  });

  it("of another status or content type is broken", () => {
    expect(judge(STREAM, { status: 503, body: whole })).toBe("status 503");
    expect(judge(STREAM, { type: "application/json", body: whole })).toBe("content type application/json");
  });

  it("hands out each piece of text when it arrives, and not the empty one of the role", () => {
    const seen: string[] = [];
    const answer = readAnswer(STREAM, (text) => seen.push(text));
    answer.head(200, "text/event-stream");
    answer.body(Buffer.from(ROLE_EVENT));
    expect(seen).toEqual([]);
    answer.body(Buffer.from(contentEvent("one") + contentEvent("two").slice(0, -1)));
    expect(seen).toEqual(["one"]);
    answer.body(Buffer.from("\n"));
    expect(seen).toEqual(["one", "two"]);
  });
});

describe("an answer in one piece", () => {
  const body = plainAnswer();

  it("is complete with text and a finish", () => {
    expect(judge({ stream: false, text: answerText(true) }, { body })).toBeUndefined();
  });

  it.each([
    ["that is truncated", body.slice(0, -1), "not JSON"],
    ["that is empty", "", "not JSON"],
    ["without text", body.replace(answerText(true), ""), "empty text"],
    ["without choices", "{}", "empty text"],
    ["without a finish", body.replace('"stop"', "null"), "0 finish reasons"],
    ["that is an error", '{"error":{"message":"no"}}', "an error body"],
  ])("%s is broken", (_name, text, problem) => {
    expect(judge(WHOLE, { body: text })).toBe(problem);
  });

  it("that is a stream is broken", () => {
    expect(judge(WHOLE, { type: "text/event-stream", body: streamWrites(true).join("") })).toBe(
      "content type text/event-stream",
    );
  });
});
