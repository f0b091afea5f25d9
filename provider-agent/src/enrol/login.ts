import { type Clock, describeFault, sleep } from "@hearth/platform";
import { z } from "zod";
import type { FormAnswer, FormClient } from "./form-client.js";
import { describeMachine, type MachineDescription } from "./form-client.js";
import { type MachineToken, readError, readTokenAnswer } from "./token-answer.js";

/** The agent as an OAuth client; it can keep no secret, so it has none. */
const CLIENT_ID = "hearth-agent";
const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
/** RFC 8628 §3.5: what `slow_down` adds. */
const SLOW_DOWN_MS = 5_000;
/** Pause between two tries while the coordinator cannot be reached, ms, at most. */
const MAX_RETRY_MS = 60_000;

/** How logging in ends. */
export type LoginResult =
  | { readonly type: "issued"; readonly machine: MachineToken }
  | { readonly type: "denied"; readonly problem: string }
  /** Nobody decided in time. */
  | { readonly type: "expired" }
  /** The coordinator does not take this machine, or is none. */
  | { readonly type: "refused"; readonly problem: string }
  | { readonly type: "unreachable"; readonly problem: string }
  | { readonly type: "cancelled" };

export interface LoginOptions {
  /** From `coordinatorOrigin`. */
  readonly origin: string;
  readonly machine: MachineDescription;
  readonly clock: Clock;
  readonly http: FormClient;
  /** Shows its owner the code, and the page to open: the code is filled in there, and shown for comparison. */
  readonly show: (code: string, url: string) => void;
}

interface Codes {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly url: string;
  readonly lifetimeMs: number;
  readonly intervalMs: number;
}

const httpUrl = z.url({ protocol: /^https?$/ }).max(2048);

const codesSchema = z
  .object({
    device_code: z.string().min(1).max(1024),
    // It goes to a terminal.
    user_code: z.string().regex(/^[\x20-\x7e]{1,64}$/),
    verification_uri: httpUrl,
    verification_uri_complete: httpUrl.optional(),
    expires_in: z.number().positive().max(86_400),
    interval: z.number().min(0).max(600).default(5),
  })
  .transform(
    (codes): Codes => ({
      deviceCode: codes.device_code,
      userCode: codes.user_code,
      // Parsed and written anew, so that a terminal sees nothing in it but a URL.
      url: new URL(codes.verification_uri_complete ?? codes.verification_uri).href,
      lifetimeMs: codes.expires_in * 1000,
      intervalMs: Math.max(1, codes.interval) * 1000,
    }),
  );

/** Enrols this machine by the device flow (RFC 8628): shows a code and waits until its owner has decided. */
export async function login(options: LoginOptions, signal: AbortSignal): Promise<LoginResult> {
  const { origin, machine, http, show } = options;
  const form = { client_id: CLIENT_ID, ...describeMachine(machine) };
  let answer: FormAnswer;
  try {
    answer = await http.post(new URL("/oauth/device_authorization", origin), form, signal);
  } catch (error) {
    return signal.aborted ? { type: "cancelled" } : unreachable(origin, error);
  }
  const codes = codesSchema.safeParse(answer.json);
  if (answer.status !== 200 || !codes.success) return { type: "refused", problem: readError(answer).problem };
  show(codes.data.userCode, codes.data.url);
  return pollUntilDecided(options, codes.data, signal);
}

/** Why no answer came, for people. */
export function unreachable(origin: string, error: unknown): Extract<LoginResult, { type: "unreachable" }> {
  const { code, name } = describeFault(error);
  return { type: "unreachable", problem: `${origin} cannot be reached (${code ?? name}).` };
}

async function pollUntilDecided(options: LoginOptions, codes: Codes, signal: AbortSignal): Promise<LoginResult> {
  const { clock } = options;
  const expiresAt = clock.now() + codes.lifetimeMs;
  let { intervalMs } = codes;
  let failures = 0;
  for (;;) {
    // RFC 8628 §3.5: twice as long after each try that found nobody.
    const pauseMs =
      failures === 0 ? intervalMs : Math.max(intervalMs, Math.min(intervalMs * 2 ** failures, MAX_RETRY_MS));
    await sleep(clock, pauseMs, signal);
    if (signal.aborted) return { type: "cancelled" };
    if (clock.now() >= expiresAt) return { type: "expired" };
    const polled = await poll(options, codes, signal);
    switch (polled) {
      case "pending":
        failures = 0;
        break;
      case "slow_down":
        failures = 0;
        intervalMs += SLOW_DOWN_MS;
        break;
      case "unavailable":
        failures += 1;
        break;
    }
    if (typeof polled === "object") return polled;
  }
}

async function poll(
  { origin, http }: LoginOptions,
  { deviceCode }: Codes,
  signal: AbortSignal,
): Promise<LoginResult | "pending" | "slow_down" | "unavailable"> {
  const form = { client_id: CLIENT_ID, grant_type: DEVICE_CODE_GRANT, device_code: deviceCode };
  let answer: FormAnswer;
  try {
    answer = await http.post(new URL("/oauth/token", origin), form, signal);
  } catch {
    return signal.aborted ? { type: "cancelled" } : "unavailable";
  }
  const read = readTokenAnswer(answer);
  if (read.type === "unavailable") return read.type;
  return read.type === "issued" ? read : ending(read.error, read.problem);
}

function ending(error: string, problem: string): LoginResult | "pending" | "slow_down" {
  switch (error) {
    case "authorization_pending":
      return "pending";
    case "slow_down":
      return "slow_down";
    case "access_denied":
      return { type: "denied", problem };
    case "expired_token":
      return { type: "expired" };
  }
  return { type: "refused", problem };
}
