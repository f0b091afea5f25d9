import { z } from "zod";
import type { FormAnswer } from "./form-client.js";

/** What a machine gets when it is enrolled. */
export interface MachineToken {
  /** `hm-…`; what `register` carries. */
  readonly token: string;
  /** `mach_…`, as its owner sees it in lists. */
  readonly machineId: string;
  readonly account: string;
}

/** How the token endpoint answers. */
export type TokenAnswer =
  | { readonly type: "issued"; readonly machine: MachineToken }
  /** `error` is OAuth's code; `problem` is for people. */
  | { readonly type: "error"; readonly error: string; readonly problem: string }
  /** The coordinator cannot say now: ask again. */
  | { readonly type: "unavailable" };

const visible = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x20-\x7e]+$/);

const issuedSchema = z.object({
  // What `register` takes at most.
  access_token: visible(1024),
  machine_id: visible(128),
  account: z.string().min(1).max(256),
});

const errorSchema = z.object({ error: visible(64), error_description: z.string().max(1024).optional() });

/** Reads what the token endpoint said. */
export function readTokenAnswer({ status, json }: FormAnswer): TokenAnswer {
  const issued = issuedSchema.safeParse(json);
  if (status === 200 && issued.success) {
    const { access_token: token, machine_id: machineId, account } = issued.data;
    return { type: "issued", machine: { token, machineId, account } };
  }
  if (status >= 500 || status === 429) return { type: "unavailable" };
  return { type: "error", ...readError({ status, json }) };
}

/** OAuth's error code, and words for people that no terminal obeys. */
export function readError({ status, json }: FormAnswer): { readonly error: string; readonly problem: string } {
  const parsed = errorSchema.safeParse(json);
  if (!parsed.success) {
    return { error: "none", problem: `The coordinator answered ${status}: is this the URL of a Hearth coordinator?` };
  }
  const { error, error_description: description = error } = parsed.data;
  return { error, problem: description.replace(/[^\P{C}]/gu, "") };
}
