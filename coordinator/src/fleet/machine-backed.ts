import type { Clock } from "@hearth/platform";
import type { RegisterFrame } from "@hearth/protocol";
import { MachineState, type Reported } from "./machine-state.js";
import type { Provider } from "./provider.js";

/** The part of a connected provider that reads the state last reported by its machine. */
export class MachineBacked implements Reported, Pick<Provider, "version"> {
  protected readonly machine: MachineState;
  #version = 0;

  /** @param frame what it said when it registered */
  constructor(frame: RegisterFrame, clock: Clock) {
    this.machine = new MachineState(frame, clock, () => this.updated());
  }

  get version(): number {
    return this.#version;
  }

  get models(): Provider["models"] {
    return this.machine.models;
  }

  get slots(): Provider["slots"] {
    return this.machine.slots;
  }

  get vitals(): Provider["vitals"] {
    return this.machine.vitals;
  }

  get availableTo(): Provider["availableTo"] {
    return this.machine.availableTo;
  }

  get lastHeartbeatAt(): number {
    return this.machine.lastHeartbeatAt;
  }

  runtimeUnverified(model: string): boolean {
    return this.machine.runtimeUnverified(model);
  }

  acquire(model: string, tokens: number): Disposable {
    this.changed();
    return this.machine.acquire(model, tokens);
  }

  inFlight(model: string): number {
    return this.machine.inFlight(model);
  }

  load(model: string): number {
    return this.machine.load(model);
  }

  tokensAhead(model: string): number {
    return this.machine.tokensAhead(model);
  }

  unreportedTokens(model: string): number {
    return this.machine.unreportedTokens(model);
  }

  /** Marks what others have read of the provider as outdated. */
  protected changed(): void {
    this.#version += 1;
  }

  /** It has changed in a way that may free a slot for waiting requests. */
  protected updated(): void {
    this.changed();
  }
}
