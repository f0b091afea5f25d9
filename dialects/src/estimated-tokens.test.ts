import { expect, it } from "vitest";
import { TokenTally } from "./estimated-tokens.js";

function tokensOf(...texts: readonly string[]): number {
  const tally = new TokenTally();
  for (const text of texts) tally.add(text);
  return tally.tokens;
}
const delta = (content: string): string => JSON.stringify({ id: "chatcmpl-1", choices: [{ delta: { content } }] });

it("counts a text the same, however it is cut", () => {
  const words = "word ".repeat(4_000);
  expect(tokensOf(delta(words))).toBeGreaterThan(3_600);
  expect(tokensOf(delta(words))).toBeLessThan(5_200);
  const pieces = words.match(/.{1,3}/gs) ?? [];
  expect(Math.abs(tokensOf(...pieces.map(delta)) - tokensOf(delta(words)))).toBeLessThan(20);
});

it("counts what is escaped as what it stands for", () => {
  const escaped = '{"text":"\\u4f60\\u597d\\u4e16\\u754c \\"x\\""}';
  expect(tokensOf(escaped)).toBe(tokensOf('{"text":"你好世界 \'x\'"}'));
});

it.each([
  ["nothing but texts", '{"id":"a long id of something","choices":[{"delta":{"content":"Hi"}}]}', 1],
  ["a prompt", '{"model":"m","messages":[{"role":"user","content":"hi"}]}', 1],
  [
    "parts, instructions, tools",
    '{"system":"Be brief.","messages":[{"content":[{"type":"text","text":"Go on."}]}]}',
    6,
  ],
  ["no text", '{"content":null,"text":7}', 0],
  ["a text that is cut off", '{"content":"one two', 2],
])("counts %s", (_what, json, tokens) => expect(tokensOf(json)).toBe(tokens));
