import fc from "fast-check";
import { expect, it } from "vitest";
import { askForProgress } from "./ask-for-progress.js";

const ask = (body: string): string | undefined => {
  const asked = askForProgress(Buffer.from(body));
  return asked && Buffer.from(asked).toString("utf8");
};

it("adds one member and changes no other byte", () => {
  expect(ask(' {\n "a": 1.0, "b":"\\u00fc"}')).toBe(' {"return_progress":true,\n "a": 1.0, "b":"\\u00fc"}');
  expect(ask("{ }")).toBe('{"return_progress":true }');
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.json()), (body) => {
      const asked = ask(JSON.stringify(body));
      if ("return_progress" in body) return;
      expect(JSON.parse(asked ?? "null")).toEqual({ ...body, return_progress: true });
    }),
  );
});

it("leaves a request alone that has it, whatever it says, and what is no object", () => {
  for (const body of ['{"return_progress":false}', '{"x":1,"return_progress" : true}', "[]", "null", "", "  "]) {
    expect(ask(body)).toBeUndefined();
  }
});

it("is not misled by a prompt that speaks of it", () => {
  const body = JSON.stringify({ prompt: 'say {"return_progress": true}' });
  expect(JSON.parse(ask(body) ?? "null")).toEqual({ ...JSON.parse(body), return_progress: true });
});
