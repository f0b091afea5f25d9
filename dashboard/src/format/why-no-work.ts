import type { Provider } from "../api/types.js";
import { inFlightOf } from "./fleet-state.js";

/** A score below this costs a machine most of what it could have. */
const POOR_SCORE = 60;

/**
 * Why a machine may have nothing to do, by what it says itself, in sentences; none where it works, or nothing speaks
 * against it. Where others were simply better, only the coordinator knows.
 */
export function whyNoWork(provider: Provider): readonly string[] {
  const { status, models, vitals, reputation } = provider;
  if (status === "offline") return ["It is not connected. Look whether it runs, and what hearth-agent doctor says."];
  if (status === "draining")
    return ["It takes nothing new: it was paused, or is being updated, and finishes what runs."];
  if (inFlightOf(provider) > 0) return [];
  const reasons: string[] = [];
  if (models.length === 0) reasons.push("It offers no model. Look at hearth-agent models list.");
  for (const { id, slot, template_render_ok: rendered } of models) {
    if (slot?.state === "crashed") reasons.push(`${id} has crashed there. The agent tries to start it again.`);
    if (slot?.state === "reloading") reasons.push(`${id} is being loaded.`);
    if (rendered === false)
      reasons.push(`The backend refuses every conversation with ${id}: its chat template is broken.`);
  }
  if (vitals.thermal === "critical") reasons.push("It is too hot. It gets requests again when it has cooled down.");
  if (reputation.score < POOR_SCORE)
    reasons.push(`Its record is poor (${reputation.score} of 100), so others go first. Good answers heal it.`);
  return reasons;
}
