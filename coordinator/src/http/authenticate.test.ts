import { expect, it } from "vitest";
import { unlimited } from "../accounts/principal.js";
import type { Principals, Resolution } from "../accounts/resolution.js";
import type { Scope } from "../store/account-store.js";
import { authenticate } from "./authenticate.js";

const principal = unlimited({ account: "anna", keyId: "key_1", name: "", scopes: ["inference", "read"] });
const HEADERS = { authorization: "Bearer k" };

const answering = (resolution: Resolution): Principals => ({ resolve: () => resolution });
const KNOWN = answering({ type: "known", principal });

const refusal = (resolution: Resolution, ...scopes: readonly Scope[]): Promise<unknown> =>
  (async () => authenticate(HEADERS, answering(resolution), ...scopes))().then(
    () => undefined,
    (error: unknown) => error,
  );

it.each([
  { authorization: "Bearer k" },
  { authorization: "bearer  k " },
  { "x-api-key": "k" },
  { authorization: "Basic abc", "x-api-key": "k" },
])("takes the key of %o", (headers) => {
  const asked: string[] = [];
  const principals: Principals = {
    resolve(secret) {
      asked.push(secret);
      return { type: "known", principal };
    },
  };
  expect(authenticate(headers, principals, "inference")).toBe(principal);
  expect(asked).toEqual(["k"]);
});

it("waits only where the store has to be asked", async () => {
  expect(authenticate(HEADERS, KNOWN)).toBe(principal);
  const late: Principals = { resolve: () => Promise.resolve({ type: "known", principal }) };
  expect(await authenticate(HEADERS, late)).toBe(principal);
});

it("lets a key in that is for one of the things wanted, and names what another lacks", async () => {
  expect(authenticate(HEADERS, KNOWN, "admin", "read")).toBe(principal);
  expect(await refusal({ type: "known", principal }, "admin")).toMatchObject({
    code: "insufficient_scope",
    message: "This API key lacks the scope 'admin'.",
  });
});

it.each([
  ["unknown", "invalid_api_key"],
  ["expired", "invalid_api_key"],
  ["suspended", "account_suspended"],
  ["unavailable", "service_unavailable"],
] as const)("refuses what is %s with %s", async (type, code) => {
  expect(await refusal({ type })).toMatchObject({ code });
});

it("refuses who brings no key, without a look", () => {
  const principals: Principals = {
    resolve() {
      throw new Error("nobody should ask");
    },
  };
  for (const headers of [{}, { authorization: "Basic abc" }]) {
    expect(() => authenticate(headers, principals)).toThrow(/No API key/);
  }
});
