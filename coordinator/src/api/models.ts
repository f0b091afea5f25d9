import type { Provider } from "../fleet/provider.js";
import { modelsOf } from "../fleet/registry.js";
import type { Clock } from "../platform/clock.js";

/** OpenAI's list of models: what somebody serves now. */
export function listModels(providers: Iterable<Provider>, clock: Clock): object {
  const created = Math.floor(clock.wallTime() / 1000);
  return {
    object: "list",
    data: modelsOf(providers).map((id) => ({ id, object: "model", created, owned_by: "hearth" })),
  };
}
