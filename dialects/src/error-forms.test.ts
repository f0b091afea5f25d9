import { expect, it } from "vitest";
import { errorInBody } from "./error-forms.js";

it.each([
  [{ error: { message: "a", code: 1 } }, { message: "a", code: 1 }],
  [{ error: "a" }, "a"],
  [{ error: { error: { message: "a", code: 1 } } }, { message: "a", code: 1 }],
  [{ errors: [{ message: "a" }, "b"] }, { message: "a; b" }],
  [[{ error: { code: 400, message: "a" } }], { code: 400, message: "a" }],
  [
    { detail: [{ loc: ["body", "messages"], msg: "field required" }] },
    { message: "messages: field required", param: "messages" },
  ],
  [{ detail: "Not Found" }, { message: "Not Found" }],
  [{ detail: { message: "a" } }, { message: "a" }],
  [{ message: "a" }, { message: "a" }],
  [
    { code: 404, msg: "a" },
    { code: 404, message: "a" },
  ],
  ["a", "a"],
])("is found in a body: %j", (body, error) => expect(errorInBody(JSON.stringify(body))).toEqual(error));

it("may be plain text, of which the beginning is kept", () => {
  expect(errorInBody(" Upstream is busy.\n")).toBe("Upstream is busy.");
  expect(errorInBody("x".repeat(10_000))).toHaveLength(4_096);
});

it.each([
  "",
  "<html><body>502 Bad Gateway</body></html>",
  '{"error":{"message":"cut of',
  '{"choices":[{"text":"a"}],"detail":"b","message":"c"}',
  '{"message":{"role":"assistant"}}',
  '{"type":"ping","message":"x"}',
  "[]",
  "null",
])("is not seen in %j", (body) => expect(errorInBody(body)).toBeUndefined());
