import type { PreparedPublicKey } from "@hearth/e2e";
import type { Hardware, HeartbeatFrame, ModelAdvert, ProviderId, Slot, TrustLevel } from "@hearth/protocol";

/** The vitals of a machine, as of its last heartbeat; absent = not reported. */
export type Vitals = Pick<
  HeartbeatFrame,
  "memory_free_bytes" | "memory_pressure" | "cpu_load" | "gpu_load" | "thermal"
>;

/** What selection may know of a provider. Owned by its session; everyone else reads. */
export interface Provider {
  readonly id: ProviderId;
  /**
   * Another number whenever anything below has changed. What changes with time alone is left out: proofs age, distrust
   * ends, a backlog drains.
   */
  readonly version: number;
  readonly name: string | undefined;
  /** Whose machine it is. */
  readonly account: string;
  readonly agentVersion: string;
  readonly hardware: Hardware;
  readonly trust: TrustLevel;
  /** It broke the protocol as only an attacker would, not long ago. */
  readonly untrusted: boolean;
  /** Who may use it now, by its owner's will. */
  readonly lentTo: "everyone" | "owner" | "nobody";
  /** Until when its last proof counts, ms on the coordinator's clock. */
  readonly freshUntil: number;
  /** Public form of the device's serial: a salted hash; empty where the provider has not proved one. */
  readonly serialHash: string;
  readonly encryptionKey: { readonly keyId: string; readonly publicKey: PreparedPublicKey } | undefined;
  readonly models: ReadonlyMap<string, ModelAdvert>;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly vitals: Vitals;
  readonly status: "serving" | "draining" | "offline";
  /** Bytes that wait in our socket to it. */
  readonly backlogBytes: number;
  readonly connectedAt: number;
  readonly lastHeartbeatAt: number;
  /** What it would run for this model is not on the operator's list of known good programs, templates and weights. */
  runtimeUnverified(model: string): boolean;
  /** Places of ours that are taken on it now: our own count, exact. */
  inFlight(model: string): number;
  /** Tokens promised to places that its last heartbeat cannot have counted. */
  unreportedTokens(model: string): number;
  /** What it is expected to write for those places before it gets to anything new, tokens. */
  tokensAhead(model: string): number;
  /** Takes a place, until it is disposed. */
  acquire(model: string, tokens: number): Disposable;
  /** Everything that runs on it now: ours, and what its last heartbeat showed beyond ours (its owner's own work). */
  load(model: string): number;
}

/** Requests one model may run at once where the backend does not say, by the machine's memory. */
export function defaultConcurrency(memoryBytes: number): number {
  const gib = memoryBytes / 2 ** 30;
  if (memoryBytes === 0) return 4;
  if (gib <= 24) return 2;
  if (gib <= 48) return 4;
  if (gib <= 96) return 6;
  if (gib <= 128) return 8;
  return 12;
}
