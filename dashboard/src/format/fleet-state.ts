import type { Provider } from "../api/types.js";

/** How a machine stands, in the order in which it is shown. */
export type FleetState = "busy" | "idle" | "troubled" | "draining" | "offline";

export const FLEET_STATES: Readonly<
  Record<FleetState, { readonly title: string; readonly words: string; readonly color: `--${string}` }>
> = {
  busy: { title: "Busy", words: "Serving requests now", color: "--info" },
  idle: { title: "Free", words: "Ready, with nothing to do", color: "--good" },
  troubled: {
    title: "In trouble",
    words: "Connected, but something keeps requests away: a crashed model, a broken template, heat",
    color: "--bad",
  },
  draining: { title: "Draining", words: "Finishing its work, taking nothing new", color: "--warn" },
  offline: { title: "Offline", words: "Gone a short while ago, and expected back", color: "--strong-line" },
};

export const inFlightOf = ({ models }: Provider): number => models.reduce((sum, { in_flight }) => sum + in_flight, 0);

export function stateOf(provider: Provider): FleetState {
  if (provider.status !== "serving") return provider.status;
  if (isTroubled(provider)) return "troubled";
  return inFlightOf(provider) > 0 ? "busy" : "idle";
}

const isTroubled = ({ models, vitals }: Provider): boolean =>
  vitals.thermal === "critical" ||
  (models.length > 0 &&
    models.every(({ slot, template_render_ok }) => slot?.state === "crashed" || template_render_ok === false));
