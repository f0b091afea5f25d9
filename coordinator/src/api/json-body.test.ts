import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HearthError } from "../platform/errors.js";
import { inTurns } from "../platform/steps.js";
import { DEFAULT_BODY_BOUNDS } from "../request/body-bounds.js";
import { checkBody } from "./check-body.js";
import { jsonBodySteps, readJsonBody, stopAtFirst } from "./json-body.js";

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

describe("a list's schema", () => {
  it("stops at the first entry that does not fit, and says what the plain one says of it", () => {
    let looks = 0;
    const element = z.string().refine((value) => {
      looks += 1;
      return value !== "bad";
    });
    const body = z.object({ list: z.union([z.number(), stopAtFirst(z.array(element).min(1))]).nullish() });
    const list = ["good", "bad", ...Array<string>(1_000).fill("bad")];
    const refused = body.safeParse({ list });
    expect(looks).toBe(2);
    expect(() => checkBody(body, { list })).toThrow("Invalid 'list[1]'");
    expect(refused.success).toBe(false);
    expect(() => checkBody(body, { list: [] })).toThrow("Invalid 'list'");
    expect(() => checkBody(body, { list: {} })).toThrow("Invalid 'list'");
    expect(checkBody(body, { list: ["good"] })).toEqual({ list: ["good"] });
    expect(checkBody(z.object({ list: stopAtFirst(z.array(z.string())) }), { list: ["a"] })).toEqual({ list: ["a"] });
  });
});

describe("a large body", () => {
  const large = Buffer.from(JSON.stringify({ text: "x".repeat(9_000_000) }));

  it("is read over several turns of the event loop", async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const { value } = await inTurns(jsonBodySteps(large, DEFAULT_BODY_BOUNDS), large.length);
    clearImmediate(next);
    expect(value["text"]).toHaveLength(9_000_000);
    expect(turns).toBeGreaterThan(5);
  });

  it("is the same wherever its text is cut", () => {
    const text = `{"a":"${"語é😀".repeat(500_000)}","b":[${"1,".repeat(100_000)}1],"c":{"d":"${'\\"'.repeat(1_500_000)}"}}`;
    const { object, value } = readJsonBody(Buffer.from(text));
    expect(object.text).toBe(text);
    expect(value).toEqual(JSON.parse(text));
    for (const { key, start, end } of object.members) expect(JSON.parse(text.slice(start, end))).toEqual(value[key]);
  });
});
