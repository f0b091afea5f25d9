import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HearthError } from "../platform/errors.js";
import { checkBody, readJsonBody } from "./json-body.js";

const refusal = (act: () => unknown): { code: string; param: string | undefined; message: string } => {
  try {
    act();
  } catch (error) {
    if (error instanceof HearthError) return { code: error.code, param: error.details.param, message: error.message };
  }
  throw new Error("not refused");
};

describe("a body", () => {
  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["text", '"{}"'],
    ["two objects", "{}{}"],
    ["a comma too many", '{"a":1,}'],
    ["no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["65 levels", `{"a":${"[".repeat(64)}${"]".repeat(64)}}`],
  ])("is refused where it is %s", (_name, body) => {
    expect(refusal(() => readJsonBody(Buffer.from(body))).code).toBe("invalid_request");
  });

  it("is taken with 64 levels, and whatever its text holds", () => {
    expect(readJsonBody(Buffer.from(`{"a":${"[".repeat(63)}${"]".repeat(63)}}`)).value).toHaveProperty("a");
    expect(readJsonBody(Buffer.from('\r\n{"é\\ud83d":"\\u0000"} ')).value).toEqual({ "é\ud83d": "\0" });
  });

  it("never has its text quoted in an error", () => {
    expect(refusal(() => readJsonBody(Buffer.from('{"secret prompt'))).message).not.toContain("secret");
  });
});

describe("a check", () => {
  const schema = z.object({ a: z.array(z.object({ b: z.union([z.string(), z.array(z.object({ c: z.int() }))]) })) });

  it.each([
    ["a", {}],
    ["a[0].b", { a: [{ b: 1 }] }],
    ["a[1].b[0].c", { a: [{ b: "" }, { b: [{ c: "x" }] }] }],
  ])("names the member at fault: %s", (param, value) => {
    expect(refusal(() => checkBody(schema, value))).toMatchObject({ code: "invalid_request", param });
  });
});
