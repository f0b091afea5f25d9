import type { ReactNode } from "react";
import { sentence } from "../format/codes.js";

type Tone = "good" | "warn" | "bad" | "info" | "plain";

const TONES: Readonly<Record<string, Tone>> = {
  serving: "good",
  success: "good",
  active: "good",
  paid: "good",
  running: "info",
  requested: "info",
  half_open: "info",
  draining: "warn",
  capacity: "warn",
  cancelled: "warn",
  returned: "warn",
  expired: "warn",
  refused: "warn",
  offline: "plain",
  revoked: "plain",
  failed: "bad",
  open: "bad",
  suspended: "bad",
  crashed: "bad",
};

/** A state by word and colour: the word alone says it as well. */
export function Badge({ state, children }: { readonly state: string; readonly children?: ReactNode }): ReactNode {
  return <span className={`badge badge-${TONES[state] ?? "plain"}`}>{children ?? sentence(state)}</span>;
}
