import type { BackendDialect, RequestId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { toChatRequest } from "./chat-completions/to-internal.js";
import { toMessagesRequest } from "./messages/to-internal.js";
import { toResponsesRequest } from "./responses/to-internal.js";

/** What no round trip and no repair would leave as it is: types that a template may fail at, digits, white space. */
const SCHEMA =
  '{ "type" : ["object", "null"],\t"properties":{"a":{}, "b":{"anyOf":[{"type":"null"},{"const":1.0e0}]},' +
  '"2":true,"1":{"$ref":"#/$defs/A"},"big":{"maximum":9007199254740993}},"$defs":{"A":{"enum":[1,"é"]}}}';

interface Case {
  readonly dialect: BackendDialect;
  readonly read: typeof toChatRequest | typeof toMessagesRequest | typeof toResponsesRequest;
  readonly prompt: string;
  readonly tools: string;
}

const MESSAGES = '"messages":[{"role":"user","content":"hi"}]';
const CASES: readonly Case[] = [
  {
    dialect: "chat_completions",
    read: toChatRequest,
    prompt: MESSAGES,
    tools: `"tools": [{"type":"function" ,"function":{"name":"f","parameters":${SCHEMA}}}]`,
  },
  {
    dialect: "chat_completions",
    read: toChatRequest,
    prompt: MESSAGES,
    tools: `"functions": [{"name":"f" ,"parameters":${SCHEMA}}]`,
  },
  {
    dialect: "messages",
    read: toMessagesRequest,
    prompt: `"max_tokens":5,${MESSAGES}`,
    tools: `"tools": [{"name":"f" ,"input_schema":${SCHEMA}}]`,
  },
  {
    dialect: "responses",
    read: toResponsesRequest,
    prompt: '"input":"hi"',
    tools: `"tools": [{"type":"function" ,"name":"f","strict":false,"parameters":${SCHEMA}}]`,
  },
];

it.each(CASES)("tools go out byte for byte: $dialect, $tools", ({ dialect, read, prompt, tools }) => {
  const raw = Buffer.from(`{"model":"m",${tools},${prompt}}`);
  const { form } = read(raw, "req_1" as RequestId);
  expect(Buffer.from(form({ dialects: [dialect] }, "m").body).toString()).toContain(tools);
});

it.each(CASES.filter(({ dialect }) => dialect !== "chat_completions"))(
  "schemas go out byte for byte in a chat: $dialect",
  ({ read, prompt, tools }) => {
    const raw = Buffer.from(`{"model":"m",${tools},${prompt}}`);
    const { form } = read(raw, "req_1" as RequestId);
    expect(Buffer.from(form({ dialects: [] }, "m").body).toString()).toContain(SCHEMA);
  },
);
