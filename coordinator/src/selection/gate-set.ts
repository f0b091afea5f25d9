import { GATES, type Gate } from "@hearth/protocol";

/** A set of gates as bits, in the order of `GATES`, so that combining all gates of a provider costs next to nothing. */
export type GateSet = number;

/** The bit of each gate. */
export const BIT = {
  allowlist: 1 << 0,
  excluded: 1 << 1,
  not_serving_model: 1 << 2,
  model_disabled: 1 << 3,
  error_cooldown: 1 << 4,
  capacity_cooldown: 1 << 5,
  offline: 1 << 6,
  draining: 1 << 7,
  untrusted: 1 << 8,
  private_only: 1 << 9,
  trust_floor: 1 << 10,
  runtime_unverified: 1 << 11,
  no_encryption_key: 1 << 12,
  challenge_stale: 1 << 13,
  version_floor: 1 << 14,
  template_broken: 1 << 15,
  tools: 1 << 16,
  vision: 1 << 17,
  structured_output: 1 << 18,
  logprobs: 1 << 19,
  dialect: 1 << 20,
  slot_crashed: 1 << 21,
  slot_reloading: 1 << 22,
  no_headroom: 1 << 23,
  thermal_critical: 1 << 24,
  model_too_large: 1 << 25,
  free_memory: 1 << 26,
  context_exceeded: 1 << 27,
} as const satisfies Readonly<Record<Gate, GateSet>>;

/** The gate if it is closed, else the empty set. */
export const when = (closed: boolean, gate: GateSet): GateSet => (closed ? gate : 0);

/** The first gate of a set in the order of `GATES`: a rejection is counted as this one. */
export function firstOf(gates: GateSet): Gate | undefined {
  return GATES[31 - Math.clz32(gates & -gates)];
}

/** The gates of a set, in the order of `GATES`. */
export function gatesOf(gates: GateSet): readonly Gate[] {
  return GATES.filter((gate) => (gates & BIT[gate]) !== 0);
}
