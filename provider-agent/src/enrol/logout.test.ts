import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { FormClient } from "./form-client.js";
import { type LogoutResult, logout } from "./logout.js";
import { TokenStore } from "./token-store.js";

const ORIGIN = "https://hearth.example";

let dir: string;
let tokens: TokenStore;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-logout-"));
  tokens = new TokenStore(dir, "default");
});

afterEach(() => rmSync(dir, { recursive: true }));

async function leave(status: number | undefined): Promise<{ result: LogoutResult; sent: unknown[] }> {
  const sent: unknown[] = [];
  const http: FormClient = {
    async post(url, form) {
      sent.push(url.href, form);
      if (status === undefined) throw new Error("nobody there");
      return { status, json: {} };
    },
  };
  const result = await logout({ origin: ORIGIN, tokens, http }, new AbortController().signal);
  return { result, sent };
}

it("ends the token here and at the coordinator", async () => {
  tokens.save(ORIGIN, { token: "hm-1", machineId: "mach_1", account: "anna" });
  const { result, sent } = await leave(200);
  expect(result).toEqual({ type: "logged_out" });
  expect(sent).toEqual([`${ORIGIN}/oauth/revoke`, { token: "hm-1" }]);
  expect(tokens.load(ORIGIN)).toBeUndefined();
});

it.each([[undefined], [500], [404]])("ends it here alone when the coordinator says %s", async (status) => {
  tokens.save(ORIGIN, { token: "hm-1", machineId: "mach_1", account: "anna" });
  expect((await leave(status)).result).toEqual({ type: "logged_out_here", machineId: "mach_1" });
  expect(tokens.load(ORIGIN)).toBeUndefined();
});

it("has nothing to end where nobody logged in", async () => {
  expect(await leave(200)).toEqual({ result: { type: "not_logged_in" }, sent: [] });
});
