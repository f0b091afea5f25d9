import { timingSafeEqual } from "node:crypto";
import type { Credentials } from "../platform/credentials.js";
import { secretDigest } from "../platform/secret-digest.js";
import type { Machine } from "../store/enrolment-store.js";

/** What a provider's token stands for. */
export interface ProviderToken {
  readonly account: string;
  /** The only identity that may present it; absent = a shared token, good for any. */
  readonly identity?: string;
  /** `mach_…`; absent = a shared token. */
  readonly enrolmentId?: string;
}

/** Knows the tokens that providers register with. */
export interface ProviderTokens {
  /** Never waits for the store. */
  resolve(token: string): ProviderToken | undefined;
}

/** The tokens of enrolled machines, in memory, before the shared ones of the configuration. */
export class MachineTokens implements ProviderTokens {
  readonly #shared: Credentials;
  readonly #machines = new Map<string, Machine>();

  /** @param machines those that are not revoked */
  constructor(shared: Credentials, machines: readonly Machine[]) {
    this.#shared = shared;
    for (const machine of machines) this.add(machine);
  }

  add(machine: Machine): void {
    this.#machines.set(machine.tokenDigest, machine);
  }

  remove({ tokenDigest }: Machine): void {
    this.#machines.delete(tokenDigest);
  }

  /** Machines that may connect, as they are now. */
  all(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /** Machines that may connect. */
  machines(): Iterable<Machine> {
    return this.#machines.values();
  }

  /** How many they are. */
  get size(): number {
    return this.#machines.size;
  }

  resolve(token: string): ProviderToken | undefined {
    const digest = secretDigest(token);
    const machine = this.#machines.get(digest);
    if (machine !== undefined && timingSafeEqual(Buffer.from(machine.tokenDigest), Buffer.from(digest))) {
      return { account: machine.account, identity: machine.identity, enrolmentId: machine.id };
    }
    const account = this.#shared.accountOf(token);
    return account === undefined ? undefined : { account };
  }
}
