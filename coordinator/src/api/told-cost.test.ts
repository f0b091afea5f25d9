import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_MICRO_USD } from "../platform/micro-usd.js";
import { COST_IN_USAGE } from "./told-cost.js";

const whole = (json: string, cost = 1_234n): string =>
  Buffer.from(COST_IN_USAGE.whole(Buffer.from(json), cost) as Uint8Array).toString();
const event = (text: string, cost = 1_234n): string => COST_IN_USAGE.event(text, cost).toString();

describe("the cost in the usage of a whole answer", () => {
  it("changes no other byte, also none that a round trip would", () => {
    expect(whole('{ "n": 1.0e3, "usage" : {"prompt_tokens":9007199254740993 } ,"z":[]}')).toBe(
      '{ "n": 1.0e3, "usage" : {"prompt_tokens":9007199254740993 ,"cost":0.001234} ,"z":[]}',
    );
    expect(whole('{"usage":{}}', 0n)).toBe('{"usage":{"cost":0}}');
  });

  it("takes the place of what a backend says that it costs there", () => {
    expect(whole('{"usage":{"cost":99,"cost_details":{}}}')).toBe('{"usage":{"cost":0.001234,"cost_details":{}}}');
  });

  it("comes into an answer that is no text yet, and leaves that as it was", () => {
    const body = { id: "x", usage: { total_tokens: 1 }, more: 1 };
    expect(JSON.stringify(COST_IN_USAGE.whole(body, 7n))).toBe(
      '{"id":"x","usage":{"total_tokens":1,"cost":0.000007},"more":1}',
    );
    expect(body.usage).toEqual({ total_tokens: 1 });
  });

  it("is nowhere where there is no usage", () => {
    for (const json of ['{"usage":null}', '{"usage":3}', '{"choices":[{"usage":{}}]}', "[1]", "", "{"]) {
      expect(whole(json)).toBe(json);
    }
    const body = { usage: null };
    expect(COST_IN_USAGE.whole(body, 7n)).toBe(body);
  });

  it("reads back to the same amount, whatever it is", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_MICRO_USD }), (cost) => {
        const read = (json: string): bigint =>
          BigInt(Math.round((JSON.parse(json) as { usage: { cost: number } }).usage.cost * 1e6));
        expect(read(whole('{"usage":{}}', cost))).toBe(cost);
        expect(read(JSON.stringify(COST_IN_USAGE.whole({ usage: {} }, cost)))).toBe(cost);
      }),
    );
  });
});

describe("the cost in the usage of an event", () => {
  it("stands in the event's own usage, or in that of its response", () => {
    expect(event('data: {"choices":[],"usage":{"total_tokens":3}}\n\n')).toBe(
      'data: {"choices":[],"usage":{"total_tokens":3,"cost":0.001234}}\n\n',
    );
    expect(
      event('event: response.completed\r\ndata:{"type":"x","response":{"id":"r","usage":{"input_tokens":3}}}\r\n\r\n'),
    ).toBe(
      'event: response.completed\r\ndata:{"type":"x","response":{"id":"r","usage":{"input_tokens":3,"cost":0.001234}}}\r\n\r\n',
    );
  });

  it("is in bytes as in text", () => {
    const bytes = Buffer.from('xxdata: {"a":"ü","usage":{}}\n\nxx').subarray(2, -2);
    expect(COST_IN_USAGE.event(bytes, 1n).toString()).toBe('data: {"a":"ü","usage":{"cost":0.000001}}\n\n');
  });

  it.each([
    "data: [DONE]\n\n",
    ": a comment\n\n",
    'data: {"usage":null}\n\n',
    'data: {"response":{"response":{"usage":{}}}}\n\n',
    'data: {"delta":"\\"usage\\":{}"}\n\n',
    'data: {"usage":\ndata: {}}\n\n',
  ])("leaves what has none as it is: %j", (text) => {
    expect(event(text)).toBe(text);
    const bytes = Buffer.from(text);
    expect(COST_IN_USAGE.event(bytes, 1n)).toBe(bytes);
  });
});
