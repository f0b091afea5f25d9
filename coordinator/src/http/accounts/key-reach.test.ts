import { describe, expect, it } from "vitest";
import type { Principal } from "../../accounts/principal.js";
import type { Scope } from "../../store/account-store.js";
import { reachOf } from "./key-reach.js";

const PRINCIPAL: Principal = {
  account: "anna",
  payer: "anna",
  keyId: "own",
  name: "app",
  prefix: "sk-hearth-abcd",
  scopes: new Set(["inference"]),
  limits: {
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrency: undefined,
    budget: undefined,
    accountConcurrency: undefined,
  },
  allowedModels: undefined,
  selfRouteOnly: false,
  tags: {},
  expiresAtMs: undefined,
};
const reach = (more: Partial<Principal> = {}): ReturnType<typeof reachOf> => reachOf({ ...PRINCIPAL, ...more });
const other = (...scopes: Scope[]): { id: string; scopes: Scope[] } => ({ id: "other", scopes });
const own = { id: "own", scopes: ["inference"] as const };
const scopes = (...all: Scope[]): Partial<Principal> => ({ scopes: new Set(all) });
const tooFar = expect.objectContaining({ code: "insufficient_scope" });

it("reaches the keys of its account", () => {
  expect(reach().account).toBe("anna");
});

it("gives and changes what it has, and nothing else", () => {
  reach().mayGive(["inference"]);
  reach().mayChange(other("inference"), "terms");
  reach(scopes("inference", "provider")).mayGive(["provider"]);
  for (const scope of ["provider", "read", "admin"] as const) {
    expect(() => reach().mayGive(["inference", scope])).toThrow(tooFar);
    for (const how of ["terms", "secret", "end"] as const) {
      expect(() => reach().mayChange(other(scope), how)).toThrow(tooFar);
    }
  }
});

describe.each<[string, Partial<Principal>]>([
  ["that only looks", scopes("read")],
  ["that expires", { expiresAtMs: 1 }],
  ["for some models", { allowedModels: new Set(["m"]) }],
  ["for its own machines", { selfRouteOnly: true }],
  ["with so many requests", { limits: { ...PRINCIPAL.limits, requestsPerMinute: 1 } }],
  ["with so many tokens", { limits: { ...PRINCIPAL.limits, tokensPerMinute: 1 } }],
  ["with so many at once", { limits: { ...PRINCIPAL.limits, concurrency: 1 } }],
  ["with a budget", { limits: { ...PRINCIPAL.limits, budget: { microUsd: 1, reset: "daily" } } }],
])("a key %s", (_, terms) => {
  const limited = reach(terms);
  const scope: Scope = terms.scopes?.has("read") ? "read" : "inference";

  it("neither makes, sees nor changes keys, and not its own terms", () => {
    expect(() => limited.mayGive([])).toThrow(tooFar);
    expect(() => limited.mayGive([scope])).toThrow(tooFar);
    expect(() => limited.mayChange(other(scope), "end")).toThrow(tooFar);
    expect(() => limited.mayChange({ id: "own", scopes: [scope] }, "terms")).toThrow(tooFar);
  });

  it("rotates and ends itself", () => {
    limited.mayChange(own, "secret");
    limited.mayChange(own, "end");
  });
});

it("manages keys though its account may do only so much at once", () => {
  reach({ limits: { ...PRINCIPAL.limits, accountConcurrency: 1 } }).mayGive(["inference"]);
});
