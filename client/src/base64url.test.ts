import { expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "./base64url.js";

it.each([0, 1, 2, 3, 255, 100_000])("gives %i bytes back as they were, in the form that Node has too", (length) => {
  const bytes = Uint8Array.from({ length }, (_, at) => (at * 167) & 0xff);
  const text = encodeBase64url(bytes);
  expect(text).toBe(Buffer.from(bytes).toString("base64url"));
  expect(decodeBase64url(text)).toEqual(bytes);
});

it.each(["A", "AA==", "A A", "+/", "é"])("does not take '%s'", (text) => {
  expect(decodeBase64url(text)).toBeUndefined();
});
