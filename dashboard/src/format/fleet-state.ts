import type { MachineNow, Provider } from "../api/types.js";

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

export const inFlightOf = ({ models, now }: Provider): number =>
  now?.in_flight ?? models.reduce((sum, { in_flight }) => sum + in_flight, 0);

/** The fleet as it was listed, and what has changed since. */
export function withChanges(
  providers: readonly Provider[],
  changes: ReadonlyMap<string, MachineNow | null>,
): readonly Provider[] {
  if (changes.size === 0) return providers;
  return providers.flatMap((provider) => {
    const now = changes.get(provider.id);
    return now === null ? [] : now === undefined ? [provider] : [{ ...provider, status: now.status, now }];
  });
}

export function stateOf(provider: Provider): FleetState {
  if (provider.status !== "serving") return provider.status;
  if (isTroubled(provider)) return "troubled";
  return inFlightOf(provider) > 0 ? "busy" : "idle";
}

const isTroubled = ({ models, vitals, now }: Provider): boolean =>
  now?.troubled ??
  (vitals.thermal === "critical" ||
    (models.length > 0 &&
      models.every(({ slot, template_render_ok }) => slot?.state === "crashed" || template_render_ok === false)));
