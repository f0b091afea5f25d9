import { RawJson, writeJson } from "@hearth/dialects";
import { describe, expect, it } from "vitest";
import { BodyText } from "./body-text.js";

describe("writeJson", () => {
  it("writes what JSON.stringify would, with raw text in its place", () => {
    const value = { a: [1, "ü\n", null, undefined], b: undefined, c: { d: true }, e: 0.1 };
    expect(writeJson(value)).toBe(JSON.stringify(value));
    expect(writeJson({ a: new RawJson("9007199254740993"), b: [new RawJson('{"2":1,"1":2}')] })).toBe(
      '{"a":9007199254740993,"b":[{"2":1,"1":2}]}',
    );
  });
});

describe("BodyText", () => {
  it("gives a value as it was written", () => {
    const text = '{"tools":[{"input_schema": {"2":1e3 , "1":9007199254740993}}]}';
    const value = (JSON.parse(text) as { tools: { input_schema: unknown }[] }).tools[0]?.input_schema;
    expect(new BodyText(text).at(["tools", 0, "input_schema"], value).text).toBe('{"2":1e3 , "1":9007199254740993}');
  });

  it("gives the parsed value where the text is doubtful", () => {
    expect(new BodyText('{"a":1,"a":2}').at(["a"], 2).text).toBe("2");
    expect(new BodyText('{"a":1}').at(["b", 0], "x").text).toBe('"x"');
  });
});
