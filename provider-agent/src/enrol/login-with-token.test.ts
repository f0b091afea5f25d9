import { expect, it } from "vitest";
import type { FormAnswer, FormClient } from "./form-client.js";
import { loginWithToken, type TokenLoginResult } from "./login-with-token.js";

const machine = { identity: "A".repeat(43), name: "Mini", platform: "darwin-arm64", agentVersion: "0.1.0" };

async function run(answer: FormAnswer | Error, signal = new AbortController().signal) {
  const sent: [string, object][] = [];
  const http: FormClient = {
    async post(url, form) {
      sent.push([url.href, form]);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const options = { origin: "https://hearth.example", machine, enrolmentToken: " he-secret\n", http };
  const result: TokenLoginResult = await loginWithToken(options, signal);
  return { result, sent };
}

it("spends the token for one of the machine's own", async () => {
  const { result, sent } = await run({
    status: 200,
    json: { access_token: "hm-secret", machine_id: "mach_1", account: "ben" },
  });
  expect(result).toEqual({ type: "issued", machine: { token: "hm-secret", machineId: "mach_1", account: "ben" } });
  expect(sent).toEqual([
    [
      "https://hearth.example/oauth/token",
      {
        grant_type: "urn:hearth:params:oauth:grant-type:enrolment-token",
        enrolment_token: "he-secret",
        identity: machine.identity,
        name: "Mini",
        platform: "darwin-arm64",
        agent_version: "0.1.0",
      },
    ],
  ]);
});

it("tells what the coordinator has against the token", async () => {
  const json = { error: "invalid_grant", error_description: "This enrolment token was used already." };
  expect((await run({ status: 400, json })).result).toEqual({ type: "refused", problem: json.error_description });
});

it("tells apart nobody there, no answer now, and being cancelled", async () => {
  const gone = Object.assign(new Error("no"), { code: "ENOTFOUND" });
  expect((await run(gone)).result).toMatchObject({
    type: "unreachable",
    problem: expect.stringContaining("ENOTFOUND"),
  });
  expect((await run({ status: 503, json: {} })).result.type).toBe("unreachable");
  expect((await run({ status: 429, json: { error: "temporarily_unavailable" } })).result.type).toBe("unreachable");
  expect((await run(gone, AbortSignal.abort())).result).toEqual({ type: "cancelled" });
});
