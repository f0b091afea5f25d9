import type { BackendDialect } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { Chunk } from "../dispatch/types.js";
import { renamed, underAskedName } from "./asked-name.js";
import type { Reply } from "./consumer.js";

function event(json: string, dialect: BackendDialect = "chat_completions"): Chunk {
  return { dialect, bytes: Buffer.from(`data: ${json}\n\n`), parsed: JSON.parse(json) };
}
const textOf = ({ bytes }: Chunk): string => Buffer.from(bytes).toString();
const nothing = (): undefined => undefined;

describe("an event under the name that was asked for", () => {
  it("changes nothing but the name, to the last digit", () => {
    const chunk = renamed(event('{"id":"c","model" : "new","choices":[{"logprobs":0.10000000000000000005}]}'), "al");
    expect(textOf(chunk)).toBe('data: {"id":"c","model" : "al","choices":[{"logprobs":0.10000000000000000005}]}\n\n');
    expect(chunk.parsed).toMatchObject({ model: "al", id: "c" });
  });

  it("leaves what the model says of names alone", () => {
    const said = JSON.stringify({ choices: [{ delta: { content: '{"model":"new"}' } }], model: "new" });
    expect(textOf(renamed(event(said), "al"))).toBe(
      `data: ${JSON.stringify({ choices: [{ delta: { content: '{"model":"new"}' } }], model: "al" })}\n\n`,
    );
  });

  it("finds the name in the answers that Responses and Messages begin", () => {
    const response = renamed(event('{"type":"response.created","response":{"model":"new"}}', "responses"), "al");
    expect(textOf(response)).toContain('"response":{"model":"al"}');
    expect(response.parsed).toMatchObject({ response: { model: "al" } });
    const message = renamed(event('{"type":"message_start","message":{"model":"new"}}', "messages"), "al");
    expect(message.parsed).toMatchObject({ message: { model: "al" } });
  });

  it.each(['{"type":"ping"}', '{"model":7}', "null", '"text"'])("leaves %s as it is", (json) => {
    const chunk = event(json);
    expect(renamed(chunk, "al")).toBe(chunk);
  });

  it("escapes a name as JSON does", () => {
    expect(textOf(renamed(event('{"model":"a\\"b"}'), 'c"d'))).toBe('data: {"model":"c\\"d"}\n\n');
  });
});

it("passes a reply on untouched where the names are the same", () => {
  const reply: Reply = { open: nothing, write: nothing, complete: nothing, fail: nothing };
  expect(underAskedName(reply, { asked: "m", builds: ["m"] })).toBe(reply);
  const written: unknown[] = [];
  const renaming = underAskedName(
    { ...reply, write: (chunk) => void written.push(chunk.parsed) },
    {
      asked: "al",
      builds: ["new", "old"],
    },
  );
  renaming.write(event('{"model":"old"}'));
  expect(written).toEqual([{ model: "al" }]);
});
