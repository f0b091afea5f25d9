import type { PreparedPublicKey } from "@hearth/e2e";
import type { Hardware, HeartbeatFrame, ModelAdvert, ProviderId, Slot, TrustLevel } from "@hearth/protocol";

/** The vitals of a machine, as of its last heartbeat; absent = not reported. */
export type Vitals = Pick<
  HeartbeatFrame,
  "memory_free_bytes" | "memory_pressure" | "cpu_load" | "gpu_load" | "thermal"
>;

/** A provider as selection sees it. Owned by its session; all others only read. */
export interface Provider {
  readonly id: ProviderId;
  /**
   * Changes whenever anything below does, except for what changes by time alone: proofs age, distrust ends, a backlog
   * drains.
   */
  readonly version: number;
  readonly name: string | undefined;
  /** Whose machine it is. */
  readonly account: string;
  readonly agentVersion: string;
  readonly hardware: Hardware;
  readonly trust: TrustLevel;
  /** Not long ago it did something that only an attacker does. */
  readonly untrusted: boolean;
  /** Who may use it now, as its owner has set it. */
  readonly availableTo: "everyone" | "owner" | "nobody";
  /** Until when its last proof counts, ms on the coordinator's clock. */
  readonly freshUntil: number;
  /** The device's serial number as a salted hash; empty if the provider has not proved one. */
  readonly serialHash: string;
  readonly encryptionKey: { readonly keyId: string; readonly publicKey: PreparedPublicKey } | undefined;
  readonly models: ReadonlyMap<string, ModelAdvert>;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly vitals: Vitals;
  readonly status: "serving" | "draining" | "offline";
  /** Bytes that wait in the socket to it. */
  readonly backlogBytes: number;
  readonly connectedAt: number;
  readonly lastHeartbeatAt: number;
  /** Its program, template or weights for this model are not on the operator's list of known good ones. */
  runtimeUnverified(model: string): boolean;
  /** Slots of it that we have leased now. An exact count of our own. */
  inFlight(model: string): number;
  /** Tokens promised to slots that were leased too late for its last heartbeat to count them. */
  unreportedTokens(model: string): number;
  /** Tokens that it is expected to write for these slots before it gets to anything new. */
  tokensAhead(model: string): number;
  /** Takes a slot until the result is disposed. */
  acquire(model: string, tokens: number): Disposable;
  /** All requests that run on it now: ours, and others (its owner's) by its last heartbeat. */
  load(model: string): number;
}

/** Requests that a machine can run at once for a model. */
export function slotsOf({ hardware, slots }: Pick<Provider, "hardware" | "slots">, model: string): number {
  return slots.get(model)?.max_concurrency ?? defaultConcurrency(hardware.memory_bytes);
}

/** Requests that a model can run at once if the backend does not say, by the machine's memory. */
function defaultConcurrency(memoryBytes: number): number {
  const gib = memoryBytes / 2 ** 30;
  if (memoryBytes === 0) return 4;
  if (gib <= 24) return 2;
  if (gib <= 48) return 4;
  if (gib <= 96) return 6;
  if (gib <= 128) return 8;
  return 12;
}
