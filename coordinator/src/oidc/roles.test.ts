import { expect, it } from "vitest";
import { readConfig, shownConfig } from "../config.js";
import { rolesOf } from "./roles.js";
import { type OidcSettings, readOidc } from "./settings.js";

const ENV = {
  HEARTH_PUBLIC_URL: "https://hearth.example/",
  HEARTH_OIDC_ISSUER: "https://sso.example/realms/home",
  HEARTH_OIDC_CLIENT_ID: "hearth",
  HEARTH_OIDC_CLIENT_SECRET: "a-client-secret",
};

function settingsOf(env: Record<string, string> = {}): OidcSettings {
  const { settings, problems } = readOidc({ ...ENV, ...env });
  expect(problems).toEqual([]);
  if (settings === undefined) throw new Error("There are no settings.");
  return settings;
}

it("makes nobody anything unless the operator says so", () => {
  const { roles, name, redirectUrl } = settingsOf();
  expect([name, redirectUrl]).toEqual(["sso.example", "https://hearth.example/dashboard/oidc/callback"]);
  const claims = { sub: "4711", email: "a@b.c", email_verified: true, groups: ["admin", ""], account: "anna" };
  expect(rolesOf(claims, roles)).toEqual({ operator: undefined, account: undefined });
});

it("takes an address for a role only where it is verified", () => {
  const { roles } = settingsOf({ HEARTH_OIDC_ROLES_CLAIM: "email", HEARTH_OIDC_ADMIN_ROLES: "ops@example.com, x" });
  const as = (email_verified: unknown) =>
    rolesOf({ sub: "1", email: "Ops@example.com", email_verified }, roles).operator;
  expect([as(true), as(false), as("true"), as(undefined)]).toEqual(["admin", undefined, undefined, undefined]);
});

it("reads claims whose names have dots, and no further than they go", () => {
  const { roles } = settingsOf({ HEARTH_OIDC_ROLES_CLAIM: "https://a.b/roles", HEARTH_OIDC_READ_ROLES: "r" });
  expect(rolesOf({ sub: "1", "https://a.b/roles": ["r"] }, roles).operator).toBe("read");
  const { roles: deep } = settingsOf({ HEARTH_OIDC_ROLES_CLAIM: "constructor.name", HEARTH_OIDC_READ_ROLES: "Object" });
  expect(rolesOf({ sub: "1" }, deep).operator).toBeUndefined();
});

it.each([
  [{ HEARTH_PUBLIC_URL: "" }, "each is needed"],
  [{ HEARTH_OIDC_ISSUER: "http://sso.example" }, "HEARTH_OIDC_ISSUER: must be an https:// URL"],
  [{ HEARTH_OIDC_SCOPES: "email" }, "HEARTH_OIDC_SCOPES: must begin with openid"],
  [{ HEARTH_OIDC_ACCOUNTS: "anna@example.com" }, "HEARTH_OIDC_ACCOUNTS: must be a list like"],
])("is told what is wrong with %j", (env, words) => {
  const set = Object.fromEntries(Object.entries({ ...ENV, ...env }).filter(([, value]) => value !== ""));
  expect(() => readConfig(set)).toThrow(words);
});

it("shows no secret of it in a log", () => {
  const shown = JSON.stringify(shownConfig(readConfig(ENV)));
  expect(shown).toContain("https://sso.example/realms/home");
  expect(shown).not.toContain("a-client-secret");
});
