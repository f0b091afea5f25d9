import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answeringAs, askingFor, modelIn } from "./model-names.js";

const asked = (body: string, model = "/srv/m"): string =>
  Buffer.from(askingFor(model, Buffer.from(body))).toString("utf8");

async function answered(parts: readonly (string | Uint8Array)[], serverId = "/srv/m"): Promise<readonly string[]> {
  async function* body() {
    for (const part of parts) yield Buffer.from(part);
  }
  const out: Buffer[] = [];
  for await (const part of answeringAs("m", { body: body(), serverId })) out.push(Buffer.from(part));
  return out.map((part) => part.toString("utf8"));
}

describe("a request under the server's name for its model", () => {
  it("differs from what came in the name alone", () => {
    expect(asked(' {"n": 1.0, "model" : "m", "x":"\\u00fc"}')).toBe(' {"n": 1.0, "model" : "/srv/m", "x":"\\u00fc"}');
    expect(asked('{"mod\\u0065l":"m"}')).toBe('{"mod\\u0065l":"/srv/m"}');
    expect(asked('{"model":"m","model":"n"}')).toBe('{"model":"/srv/m","model":"/srv/m"}');
  });

  it("keeps what others call a model, and what is no name", () => {
    const bodies = [
      '{"metadata":{"model":"m"}}',
      '[{"model":"m"}]',
      '{"model":7}',
      '{"x":"model","y":["model"]}',
      "{",
      '"',
    ];
    for (const body of bodies) expect(asked(body)).toBe(body);
    const prompt = JSON.stringify({ prompt: 'say "model":"m" \\', model: "m" });
    expect(JSON.parse(asked(prompt))).toEqual({ prompt: 'say "model":"m" \\', model: "/srv/m" });
  });

  it("is the same object but for the name, whatever it holds", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (rest, name) => {
        const body = { ...rest, model: "m" };
        const text = JSON.stringify(body);
        expect(JSON.parse(asked(text, name))).toEqual(JSON.parse(JSON.stringify({ ...body, model: name })));
        expect(modelIn(Buffer.from(asked(text, name)))).toBe(name);
      }),
    );
  });
});

describe("an answer under our name for its model", () => {
  it("is renamed in every event, however it is spelt and cut", async () => {
    const text = 'data: {"model":"/srv/m","a":1}\n\ndata: {"model": "/srv/m"}\n\ndata: [DONE]\n\n';
    const expected = 'data: {"model":"m","a":1}\n\ndata: {"model":"m"}\n\ndata: [DONE]\n\n';
    for (let size = 1; size <= text.length; size++) {
      const parts = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      expect((await answered(parts)).join("")).toBe(expected);
    }
  });

  it("holds nothing back that is no beginning of the name", async () => {
    expect(await answered(["data: x\n\n", 'data: {"mo', 'del":"other"}'])).toEqual([
      "data: x\n\n",
      "data: {",
      '"model":"other"}',
    ]);
  });

  it("keeps what a text says, and what begins and does not go on", async () => {
    const parts = [String.raw`{"content":"\"model\":\"/srv/m\""}`, '"model":"/srv'];
    expect((await answered(parts)).join("")).toBe(parts.join(""));
  });

  it("knows Python's spelling", async () => {
    expect((await answered([String.raw`{"model": "/srv/\u00fc"}`], "/srv/ü")).join("")).toBe('{"model":"m"}');
  });
});
