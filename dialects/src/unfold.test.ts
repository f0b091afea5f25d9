import { describe, expect, it } from "vitest";
import { grammarOf } from "./event-reading.js";
import { FIXTURE_FACTS, STREAM_FIXTURES } from "./fixtures/index.js";
import { readEvents } from "./sse/sse-events.js";
import { unfoldWhole } from "./unfold.js";
import { createWholeFold } from "./whole.js";

const answers = STREAM_FIXTURES.flatMap(({ what, dialect, end }) =>
  end.type === "answer"
    ? [{ what, dialect, body: typeof end.body === "string" ? end.body : JSON.stringify(end.body) }]
    : [],
);

/** The whole answer that an unfolded one comes to again, and what its events are. */
function refold(dialect: (typeof answers)[number]["dialect"], body: string) {
  const events = unfoldWhole(dialect, body);
  const fold = createWholeFold(dialect, FIXTURE_FACTS);
  const kinds: string[] = [];
  let longest = 0;
  for (const { data = "" } of readEvents(events ?? Buffer.alloc(0)) ?? []) {
    const reading = grammarOf(dialect).read(data);
    kinds.push(reading.kind === "content" && reading.finishes ? "finish" : reading.kind);
    longest = Math.max(longest, data.length);
    if ("parsed" in reading) fold.add(reading.parsed);
  }
  return { kinds, longest, body: JSON.parse(Buffer.from(fold.body()).toString()) as unknown };
}

describe.each(answers)("the whole answer of $what ($dialect)", ({ dialect, body }) => {
  it("is as a stream what it was", () => {
    const refolded = refold(dialect, body);
    expect(refolded.body).toEqual(JSON.parse(body));
    expect(refolded.kinds).toContain("finish");
    expect(refolded.kinds).not.toContain("malformed");
  });
});

const long = `${"x".repeat(65_535)}🐢${"é".repeat(1_500_000)}`;
const call = { id: "c", type: "function", function: { name: "f", arguments: JSON.stringify({ long }) } };
const item = { id: "i", type: "function_call", name: "f", call_id: "c", arguments: JSON.stringify({ long }) };

it.each([
  [
    "chat_completions",
    {
      choices: [
        { index: 0, message: { role: "assistant", content: long, tool_calls: [call] }, finish_reason: "tool_calls" },
      ],
    },
  ],
  ["completions", { choices: [{ index: 0, text: long, finish_reason: "length" }] }],
  [
    "messages",
    {
      type: "message",
      content: [
        { type: "text", text: long },
        { type: "tool_use", id: "c", name: "f", input: { long } },
      ],
      stop_reason: "tool_use",
    },
  ],
  [
    "responses",
    {
      status: "incomplete",
      output: [item, { id: "m", type: "message", content: [{ type: "output_text", text: long }] }],
    },
  ],
] as const)("is cut into events that fit a frame: %s", (dialect, answer) => {
  const { body, longest, kinds } = refold(dialect, JSON.stringify(answer));
  expect(body).toMatchObject(answer);
  // The last event of Responses holds all of it.
  if (dialect !== "responses") expect(longest).toBeLessThan(140_000);
  expect(kinds.length).toBeGreaterThan(20);
});

it.each(["{}", "[]", '{"error":{"message":"x"}}', '{"detail":"x"}', "nothing"])("is nothing of %s", (text) => {
  expect(unfoldWhole("chat_completions", text)).toBeUndefined();
});

describe("chunks that came in no events", () => {
  const head = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
  const saying = (content: string) => ({ ...head, choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  const end = { ...head, choices: [{ index: 0, delta: {}, finish_reason: "length" }] };
  const list = [saying("la"), saying("te\n"), end];

  it.each([
    ["a list", JSON.stringify(list, null, 2)],
    ["lines", list.map((each) => JSON.stringify(each)).join("\r\n\r\n")],
    ["lines, the last with an end", `${list.map((each) => JSON.stringify(each)).join("\n")}\n`],
  ])("but as %s are a stream", (_what, text) => {
    const { kinds, body } = refold("chat_completions", text);
    expect(kinds).toEqual(["content", "content", "finish", "done"]);
    expect(body).toMatchObject({ choices: [{ message: { content: "late\n" }, finish_reason: "length" }] });
  });

  it.each([
    '[{"error":{"message":"no"}}]',
    "[]",
    "[1]",
    JSON.stringify(list[0]).concat("\n", JSON.stringify(list[1]), "\n"),
    '{"choices":[]}\nno',
    '{"model":"m","done":true}\n{"model":"m"}',
  ])("are none in %s", (text) => {
    expect(unfoldWhole("chat_completions", text)).toBeUndefined();
  });
});
