import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { FleetDirectory } from "../fleet/provider-directory.js";
import type { ProviderLink } from "../fleet/provider-link.js";
import type { Registry } from "../fleet/registry.js";
import type { RemoteMachines } from "./remote-machines.js";

interface Combined {
  readonly own: readonly Provider[];
  readonly others: readonly Provider[];
  readonly all: readonly Provider[];
}

/** The machines of this node and those of the others as one fleet. */
export class ClusterDirectory implements FleetDirectory {
  readonly #registry: Registry;
  readonly #remote: RemoteMachines;
  /** By model. */
  readonly #combined = new Map<string, Combined>();

  constructor(registry: Registry, remote: RemoteMachines) {
    this.#registry = registry;
    this.#remote = remote;
  }

  link(id: ProviderId): ProviderLink | undefined {
    return this.#registry.link(id) ?? this.#remote.get(id);
  }

  *connected(): IterableIterator<ProviderLink> {
    yield* this.#registry.connected();
    for (const machine of this.#remote.all()) if (!this.#isOurs(machine)) yield machine;
  }

  *providers(): IterableIterator<Provider> {
    yield* this.connected();
    for (const provider of this.#registry.providers()) {
      if (provider.status === "offline" && this.link(provider.id) === undefined) yield provider;
    }
  }

  models(): Iterable<string> {
    return new Set([...this.#registry.models(), ...this.#remote.models()]);
  }

  serves(model: string): boolean {
    return this.#registry.serves(model) || this.#remote.serves(model);
  }

  serving(model: string): readonly Provider[] {
    const [own, others] = [this.#registry.serving(model), this.#remote.serving(model)];
    if (others.length === 0) {
      this.#combined.delete(model);
      return own;
    }
    const before = this.#combined.get(model);
    if (before?.own === own && before.others === others) return before.all;
    const all = [
      // Who is expected back here and has come back elsewhere is there once.
      ...own.filter((provider) => this.#isOurs(provider) || this.#remote.get(provider.id) === undefined),
      ...others.filter((provider) => !this.#isOurs(provider)),
    ];
    this.#combined.set(model, { own, others, all });
    return all;
  }

  distrust(id: ProviderId): void {
    this.#registry.distrust(id);
    this.#remote.get(id)?.close("untrusted");
  }

  distrustedMs(id: ProviderId): number {
    return this.#registry.distrustedMs(id);
  }

  workOf(id: ProviderId): ReturnType<FleetDirectory["workOf"]> {
    return this.#registry.workOf(id);
  }

  get size(): number {
    return this.#registry.size + this.#remote.size;
  }

  get expected(): number {
    return this.#registry.expected;
  }

  watch(...watching: Parameters<FleetDirectory["watch"]>): Disposable {
    return this.#registry.watch(...watching);
  }

  changed(models?: Provider["models"]): void {
    this.#registry.changed(models);
  }

  looked(...look: Parameters<FleetDirectory["looked"]>): void {
    this.#registry.looked(...look);
  }

  #isOurs({ id }: Provider): boolean {
    return this.#registry.link(id) !== undefined;
  }
}
