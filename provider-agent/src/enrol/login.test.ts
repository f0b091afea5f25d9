import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import type { FormAnswer, FormClient } from "./form-client.js";
import { type LoginResult, login } from "./login.js";

const ORIGIN = "https://hearth.example";
const MACHINE = { identity: "A".repeat(43), name: "Studio", platform: "darwin-arm64", agentVersion: "0.1.0" };
const CODES = {
  device_code: "hd-secret",
  user_code: "WDJB-MJHT",
  verification_uri: `${ORIGIN}/device`,
  verification_uri_complete: `${ORIGIN}/device?user_code=WDJB-MJHT`,
  expires_in: 900,
  interval: 5,
};
const ISSUED = { access_token: "hm-secret", token_type: "Bearer", machine_id: "mach_1", account: "anna" };

const ok = (json: unknown): FormAnswer => ({ status: 200, json });
const refusal = (error: string, status = 400): FormAnswer => ({
  status,
  json: { error, error_description: `About ${error}.` },
});

/** A coordinator that says what it was told to, the last thing for ever. An error is one of the network. */
class Script implements FormClient {
  readonly sent: { readonly at: number; readonly path: string; readonly form: Readonly<Record<string, string>> }[] = [];
  readonly #answers: (FormAnswer | Error)[];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, answers: (FormAnswer | Error)[]) {
    this.#clock = clock;
    this.#answers = answers;
  }

  async post(url: URL, form: Readonly<Record<string, string>>): Promise<FormAnswer> {
    this.sent.push({ at: this.#clock.now() / 1000, path: url.href.slice(ORIGIN.length), form });
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  }
}

interface Ran {
  readonly result: LoginResult;
  readonly script: Script;
  readonly shown: string[];
  /** When it polled, s. */
  readonly polls: number[];
  /** When it ended, s. */
  readonly endedAt: number;
}

/** Logs in while time passes by itself. */
async function run(answers: (FormAnswer | Error)[], stop?: AbortController): Promise<Ran> {
  const clock = new FakeClock();
  const script = new Script(clock, answers);
  const shown: string[] = [];
  const show = (code: string, url: string): void => void shown.push(code, url);
  let result: LoginResult | undefined;
  const options = { origin: ORIGIN, machine: MACHINE, clock, http: script, show };
  const ended = login(options, (stop ?? new AbortController()).signal).then((value) => {
    result = value;
  });
  while (result === undefined) {
    await new Promise(setImmediate);
    if (stop !== undefined && clock.now() >= 7_000) stop.abort();
    clock.advance(500);
  }
  await ended;
  expect(clock.pending).toBe(0);
  const polls = script.sent.filter(({ path }) => path === "/oauth/token").map(({ at }) => at);
  return { result, script, shown, polls, endedAt: clock.now() / 1000 };
}

it("shows the code, polls at the asked pace and brings the token home", async () => {
  const pending = refusal("authorization_pending");
  const { result, shown, script, polls } = await run([ok(CODES), pending, pending, ok(ISSUED)]);
  expect(result).toEqual({ type: "issued", machine: { token: "hm-secret", machineId: "mach_1", account: "anna" } });
  expect(shown).toEqual(["WDJB-MJHT", `${ORIGIN}/device?user_code=WDJB-MJHT`]);
  expect(polls.map((at, n) => Math.round(at - (polls[n - 1] ?? 0)))).toEqual([5, 5, 5]);
  expect(script.sent[0]).toMatchObject({
    path: "/oauth/device_authorization",
    form: {
      client_id: "hearth-agent",
      identity: MACHINE.identity,
      name: "Studio",
      platform: "darwin-arm64",
      agent_version: "0.1.0",
    },
  });
  expect(script.sent[1]?.form).toEqual({
    client_id: "hearth-agent",
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: "hd-secret",
  });
});

/** Seconds between one poll and the next; the half second is the grain of this test's time. */
const pauses = (polls: number[]): number[] => polls.slice(1).map((at, n) => Math.round(at - (polls[n] ?? 0)));

it("polls 5 s more slowly after each slow_down, for good", async () => {
  const slow = refusal("slow_down");
  const pending = refusal("authorization_pending");
  const { polls } = await run([ok(CODES), slow, slow, pending, ok(ISSUED)]);
  expect(pauses(polls)).toEqual([10, 15, 15]);
});

it("asks again, ever more slowly, while the coordinator cannot be reached or is ill, and at its pace afterwards", async () => {
  const gone = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const answers = [ok(CODES), gone, refusal("server_error", 500), gone, gone, gone];
  const { result, polls } = await run([...answers, refusal("authorization_pending"), ok(ISSUED)]);
  expect(pauses(polls)).toEqual([10, 20, 40, 60, 60, 5]);
  expect(result.type).toBe("issued");
});

it("gives up when the code has expired, heard or not", async () => {
  expect((await run([ok(CODES), refusal("expired_token")])).result).toEqual({ type: "expired" });
  const { result, endedAt } = await run([ok(CODES), refusal("authorization_pending")]);
  expect(result).toEqual({ type: "expired" });
  expect(endedAt).toBeGreaterThanOrEqual(900);
  expect(endedAt).toBeLessThan(910);
});

it("says that its owner denied it, or what else the coordinator has against it", async () => {
  const denied = await run([ok(CODES), refusal("access_denied")]);
  expect(denied.result).toEqual({ type: "denied", problem: "About access_denied." });
  const unknown = await run([ok(CODES), refusal("invalid_grant")]);
  expect(unknown.result).toEqual({ type: "refused", problem: "About invalid_grant." });
  const first = await run([refusal("invalid_request")]);
  expect(first.result).toEqual({ type: "refused", problem: "About invalid_request." });
});

it("says that nobody answers when the first word finds nobody", async () => {
  const gone = Object.assign(new Error("connect ECONNREFUSED 192.0.2.1"), { code: "ECONNREFUSED" });
  const { result } = await run([gone]);
  expect(result).toEqual({ type: "unreachable", problem: `${ORIGIN} cannot be reached (ECONNREFUSED).` });
});

it("stops at once when it is cancelled", async () => {
  const { result, endedAt } = await run([ok(CODES), refusal("authorization_pending")], new AbortController());
  expect(result).toEqual({ type: "cancelled" });
  expect(endedAt).toBeLessThan(9);
});

it.each([
  ["a page of HTML", { status: 200, json: undefined }],
  ["no device code", ok({ ...CODES, device_code: undefined })],
  ["a code that a terminal would obey", ok({ ...CODES, user_code: "\u001b[2J" })],
  ["a URL that is none of the web's", ok({ ...CODES, verification_uri: "file:///etc/passwd" })],
  ["a life of no time", ok({ ...CODES, expires_in: 0 })],
  ["a redirect", { status: 302, json: undefined }],
])("takes %s for no coordinator", async (_what, answer) => {
  const { result, shown } = await run([answer]);
  expect(result.type).toBe("refused");
  expect(shown).toEqual([]);
});

it("keeps what a terminal would obey out of the words for people", async () => {
  const evil = { status: 400, json: { error: "access_denied", error_description: "no\u001b[2J\u202e!" } };
  const { result } = await run([ok(CODES), evil]);
  expect(result).toEqual({ type: "denied", problem: "no[2J!" });
});
