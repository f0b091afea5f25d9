import type { FormClient } from "./form-client.js";
import type { TokenStore } from "./token-store.js";

export interface LogoutOptions {
  /** From `coordinatorOrigin`. */
  readonly origin: string;
  readonly tokens: TokenStore;
  readonly http: FormClient;
}

export type LogoutResult =
  | { readonly type: "not_logged_in" }
  | { readonly type: "logged_out" }
  /** This machine has forgotten its token, and the coordinator has not heard of it: its owner can revoke it there. */
  | { readonly type: "logged_out_here"; readonly machineId: string };

/**
 * Ends this machine's token, here and at the coordinator (RFC 7009).
 *
 * @throws AgentError `config_invalid` when the token's file cannot be read or removed
 */
export async function logout({ origin, tokens, http }: LogoutOptions, signal: AbortSignal): Promise<LogoutResult> {
  const machine = tokens.load(origin);
  if (machine === undefined) return { type: "not_logged_in" };
  tokens.remove(origin);
  const told = await http.post(new URL("/oauth/revoke", origin), { token: machine.token }, signal).then(
    ({ status }) => status === 200,
    () => false,
  );
  return told ? { type: "logged_out" } : { type: "logged_out_here", machineId: machine.machineId };
}
