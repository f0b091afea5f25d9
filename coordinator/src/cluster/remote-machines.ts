import type { ProviderId } from "@hearth/protocol";
import { ModelIndex } from "../fleet/model-index.js";
import type { Provider } from "../fleet/provider.js";
import { RemoteMachine, type RemoteMachineDeps } from "./remote-machine.js";
import type { SharedFacts, SharedState } from "./shared-machine.js";

/** What is told of the machines of other nodes. */
export interface RemoteHooks {
  /** A machine is connected to another node: what was known of it here is outdated. */
  arrived(machine: RemoteMachine): void;
  /** It is not there any more. @param expectedBack it vanished without a goodbye */
  left(machine: RemoteMachine, expectedBack: boolean): void;
  /** Those of these models have changed. */
  changed(models: Provider["models"]): void;
}

/** The machines that are connected to other nodes, as those say. */
export class RemoteMachines {
  readonly #deps: Omit<RemoteMachineDeps, "updated">;
  readonly #hooks: RemoteHooks;
  readonly #machines = new Map<ProviderId, RemoteMachine>();
  readonly #index = new ModelIndex();

  constructor(deps: Omit<RemoteMachineDeps, "updated">, hooks: RemoteHooks) {
    this.#deps = deps;
    this.#hooks = hooks;
  }

  get size(): number {
    return this.#machines.size;
  }

  get(id: ProviderId): RemoteMachine | undefined {
    return this.#machines.get(id);
  }

  all(): IterableIterator<RemoteMachine> {
    return this.#machines.values();
  }

  /** Those that one node has. */
  of(node: string): readonly RemoteMachine[] {
    return [...this.#machines.values()].filter((machine) => machine.node === node);
  }

  models(): Iterable<string> {
    return this.#index.models();
  }

  serves(model: string): boolean {
    return this.#index.has(model);
  }

  /** The same array until they change. */
  serving(model: string): readonly Provider[] {
    return this.#index.of(model);
  }

  /**
   * A node says something of a machine. Who says it of an older connection than is known is not heard.
   *
   * @returns `false` where its facts have to be asked for
   */
  told(
    of: { readonly id: ProviderId; readonly node: string; readonly epoch: number },
    said: { readonly state: SharedState; readonly facts?: SharedFacts | undefined },
  ): boolean {
    const known = this.#machines.get(of.id);
    if (known !== undefined && known.epoch > of.epoch) return true;
    if (known?.epoch === of.epoch) {
      known.told(said.state, said.facts);
      return true;
    }
    const { state, facts } = said;
    if (facts === undefined) return false;
    const machine = new RemoteMachine(of, { state, facts }, { ...this.#deps, updated: (each) => this.#updated(each) });
    if (known !== undefined) this.#hooks.left(known, false);
    this.#index.delete(of.id);
    this.#machines.set(of.id, machine);
    this.#index.set(machine);
    this.#hooks.arrived(machine);
    this.#hooks.changed(machine.models);
    return true;
  }

  /** A machine has left its node. */
  left(id: ProviderId, epoch: number, expectedBack: boolean): void {
    const machine = this.#machines.get(id);
    if (machine === undefined || machine.epoch > epoch) return;
    this.#machines.delete(id);
    this.#index.delete(id);
    this.#hooks.left(machine, expectedBack);
    this.#hooks.changed(machine.models);
  }

  /** A node has come into reach, or is out of it. */
  reachChanged(node?: string): void {
    for (const machine of this.#machines.values()) {
      if (node === undefined || machine.node === node) machine.reachChanged();
    }
  }

  #updated(machine: RemoteMachine): void {
    if (this.#machines.get(machine.id) !== machine) return;
    this.#index.set(machine);
    this.#hooks.changed(machine.models);
  }
}
