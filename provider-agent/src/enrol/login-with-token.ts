import type { FormClient } from "./form-client.js";
import { describeMachine, type MachineDescription } from "./form-client.js";
import { type LoginResult, unreachable } from "./login.js";
import { readTokenAnswer } from "./token-answer.js";

const ENROLMENT_TOKEN_GRANT = "urn:hearth:params:oauth:grant-type:enrolment-token";

export interface TokenLoginOptions {
  /** From `coordinatorOrigin`. */
  readonly origin: string;
  readonly machine: MachineDescription;
  /** `he-…`, good for one machine. */
  readonly enrolmentToken: string;
  readonly http: FormClient;
}

/** How logging in with a token ends. */
export type TokenLoginResult = Extract<LoginResult, { type: "issued" | "refused" | "unreachable" | "cancelled" }>;

/** Enrols this machine by a one-use token, with nobody in front of it. Tried once: whether to try again is the caller's. */
export async function loginWithToken(options: TokenLoginOptions, signal: AbortSignal): Promise<TokenLoginResult> {
  const { origin, machine, enrolmentToken, http } = options;
  const form = {
    grant_type: ENROLMENT_TOKEN_GRANT,
    enrolment_token: enrolmentToken.trim(),
    ...describeMachine(machine),
  };
  try {
    const answer = readTokenAnswer(await http.post(new URL("/oauth/token", origin), form, signal));
    switch (answer.type) {
      case "issued":
        return answer;
      case "error":
        return { type: "refused", problem: answer.problem };
      case "unavailable":
        return { type: "unreachable", problem: `${origin} cannot answer now: try again in a while.` };
    }
  } catch (error) {
    return signal.aborted ? { type: "cancelled" } : unreachable(origin, error);
  }
}
