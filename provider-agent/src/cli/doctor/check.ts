import type { AgentSettings } from "../../config.js";
import type { Invocation } from "../invocation.js";

/** How one check came out. */
export type CheckResult =
  | { readonly status: "ok"; readonly detail: string }
  /** It works, but not as it should, or not for long. */
  | { readonly status: "warn"; readonly detail: string; readonly fix: string }
  | { readonly status: "fail"; readonly detail: string; readonly fix: string }
  /** It could not be made, for a reason that another check tells. */
  | { readonly status: "skipped"; readonly detail: string };

/** What checks look at. */
export interface CheckSubject extends Omit<Invocation, "settings"> {
  /** Absent when the configuration is invalid: another check tells. */
  readonly settings: AgentSettings | undefined;
  /** What is wrong with it, if it is. */
  readonly configProblem?: string;
}

/** One thing that must be so for the agent to be of use. */
export interface Check {
  readonly id: string;
  readonly title: string;
  run(subject: CheckSubject, signal: AbortSignal): Promise<CheckResult>;
}

export const ok = (detail: string): CheckResult => ({ status: "ok", detail });
export const warn = (detail: string, fix: string): CheckResult => ({ status: "warn", detail, fix });
export const fail = (detail: string, fix: string): CheckResult => ({ status: "fail", detail, fix });
export const skipped = (detail: string): CheckResult => ({ status: "skipped", detail });
