import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock, Rng } from "@hearth/platform";
import type { CloseReason, ProviderId } from "@hearth/protocol";
import { DepartedProvider } from "../fleet/departed-provider.js";
import { slotsOf } from "../fleet/provider.js";
import type { ProviderLink } from "../fleet/provider-link.js";
import type { Registry } from "../fleet/registry.js";
import type { TroubleSource } from "../platform/health.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import { ClusterDirectory } from "./cluster-directory.js";
import { clusterKeysOf } from "./cluster-keys.js";
import { HeldSlots } from "./held-slots.js";
import { MachinePublisher } from "./machine-publisher.js";
import { MachineReader } from "./machine-reader.js";
import { Membership, type NodeFacts } from "./membership.js";
import type { OpenPayload } from "./node-frames.js";
import { NODE_VERSIONS } from "./node-handshake.js";
import { type NodeDoor, NodeLinks } from "./node-links.js";
import { connectRedis, type RedisConnections } from "./redis.js";
import { RedisKeys } from "./redis-keys.js";
import type { Admission } from "./relayed-stream.js";
import type { RemoteMachine } from "./remote-machine.js";
import { RemoteMachines } from "./remote-machines.js";
import type { ClusterSettings } from "./settings.js";
import { SlotGuard } from "./slot-guard.js";
import { SlotLeases } from "./slot-leases.js";

export interface ClusterHooks {
  /** The connection of a machine of another node is over: whoever keeps something for it lets go. */
  gone(link: ProviderLink): void;
}

export interface ClusterDeps {
  readonly settings: ClusterSettings;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly ids: Pick<Ids, "challenge">;
  readonly log: Logger;
  /** This node's name: always the same for one data directory. */
  readonly node: string;
  /** Connections that it can hold. */
  readonly capacity: number;
  readonly hooks: ClusterHooks;
}

/** This coordinator among those that serve one fleet. */
export class Cluster {
  /** All machines, wherever they are connected. */
  readonly directory: ClusterDirectory;
  readonly #deps: ClusterDeps;
  readonly #redis: RedisConnections;
  readonly #self: { readonly id: string; readonly epoch: number };
  readonly #membership: Membership;
  readonly #links: NodeLinks;
  readonly #leases: SlotLeases;
  readonly #guard = new SlotGuard();
  readonly #held = new HeldSlots();
  readonly #machines: RemoteMachines;
  readonly #publisher: MachinePublisher;
  readonly #reader: MachineReader;
  #address: string;
  #draining = false;

  constructor(deps: ClusterDeps) {
    const { settings, registry, clock, rng, ids, log, node } = deps;
    this.#deps = deps;
    this.#address = settings.address;
    this.#self = { id: node, epoch: clock.wallTime() };
    const { directory: directoryKey, link } = clusterKeysOf(settings.secret);
    const keys = new RedisKeys(settings.prefix);
    const redis = connectRedis(settings, { log, rng });
    this.#redis = redis;
    const common = { ...{ redis, keys, clock, log, rng }, directoryKey, self: this.#self };
    this.#links = new NodeLinks({
      ...common,
      handshake: { key: link, self: this.#self, newNonce: () => ids.challenge() },
      admit: (open, holder) => this.#admit(open, holder),
      disconnect: (...of) => this.#disconnect(...of),
      changed: (id) => this.#machines.reachChanged(id),
    });
    this.#leases = new SlotLeases(common);
    this.#machines = new RemoteMachines(
      {
        ...{ clock, self: node, leases: this.#leases },
        linkTo: (id) => (this.#membership.isReachable ? this.#links.to(id) : undefined),
        distrusted: (id) => registry.isDistrusted(id),
      },
      {
        arrived: (machine) => this.#arrived(machine),
        left: (machine, expectedBack) => this.#left(machine, expectedBack),
        changed: (models) => registry.changed(models),
      },
    );
    this.directory = new ClusterDirectory(registry, this.#machines);
    this.#publisher = new MachinePublisher({ ...common, registry, held: (id) => this.#held.of(id) });
    this.#reader = new MachineReader({ ...common, machines: this.#machines });
    this.#membership = new Membership({
      ...{ redis, settings, clock, log },
      facts: () => this.#facts(),
      hooks: {
        read: (others) => {
          this.#reader.follow(others);
          this.#links.reach(others);
        },
        reachable: (is) => this.#redisReachable(is),
      },
    });
  }

  /** What is wrong with it. */
  readonly trouble: TroubleSource = () => (this.#membership.isReachable ? undefined : "redis_away");

  /** Streams of other nodes with machines of this one. */
  get relayed(): number {
    return this.#links.relayed;
  }

  /** @param port on which it listens now */
  async start(port: number): Promise<void> {
    const address = new URL(this.#deps.settings.address);
    if (address.port === "0") this.#address = `${address.protocol}//${address.hostname}:${port}`;
    await this.#membership.join();
  }

  /** Takes an upgrade of another node. @returns `false` for one to another path */
  accept(request: IncomingMessage, raw: Duplex, head: Buffer, door: NodeDoor): boolean {
    return this.#links.accept(request, raw, head, door);
  }

  /** It is leaving: the others send it nothing new. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#publisher.flush();
    await this.#membership.announce();
  }

  async stop(): Promise<void> {
    this.#publisher[Symbol.dispose]();
    this.#reader[Symbol.dispose]();
    await this.#membership.leave();
    this.#links.close();
    this.#leases[Symbol.dispose]();
    this.#redis.close();
  }

  #facts(): NodeFacts {
    const { registry, capacity } = this.#deps;
    return {
      ...this.#self,
      ...{ address: this.#address, capacity, providers: registry.size, draining: this.#draining },
      ...{ versions: NODE_VERSIONS, published: this.#publisher.seq },
    };
  }

  /** The node that has the machine has the last word: it counts what really runs there. */
  #admit(open: OpenPayload, holder: string): Admission {
    const { registry } = this.#deps;
    const provider = open.provider as ProviderId;
    const { model } = open.opening;
    const machine = registry.link(provider);
    if (machine === undefined || this.#publisher.epochOf(provider) !== open.epoch || machine.status !== "serving") {
      return { type: "refused", code: "cancelled" };
    }
    if (!this.#guard.use(provider, open.epoch, open.fence)) return { type: "refused", code: "cancelled" };
    if (machine.load(model) >= slotsOf(machine, model)) return { type: "refused", code: "capacity" };
    const held = this.#held.hold(provider, holder, model);
    const slot = machine.acquire(model, open.tokens);
    const free = (): void => {
      held[Symbol.dispose]();
      slot[Symbol.dispose]();
    };
    return { type: "admitted", machine, slot: { [Symbol.dispose]: free } };
  }

  #disconnect(provider: ProviderId, epoch: number, reason: CloseReason): void {
    const { registry } = this.#deps;
    if (this.#publisher.epochOf(provider) !== epoch) return;
    if (reason === "untrusted") registry.distrust(provider);
    registry.link(provider)?.close(reason);
  }

  #arrived(machine: RemoteMachine): void {
    const { registry } = this.#deps;
    registry.arrivedElsewhere(machine.id);
    const session = registry.link(machine.id);
    const epoch = this.#publisher.epochOf(machine.id);
    // One that was sent away finishes what runs.
    if (session?.sentAway === false && epoch !== undefined && epoch < machine.epoch) session.close("replaced");
  }

  #left(machine: RemoteMachine, expectedBack: boolean): void {
    const { registry, clock, hooks } = this.#deps;
    hooks.gone(machine);
    if (expectedBack) registry.expect(DepartedProvider.of(machine, clock.now()));
  }

  #redisReachable(isReachable: boolean): void {
    const { log } = this.#deps;
    if (isReachable) {
      log.info("redis answers");
      this.#publisher.repeatAll();
      this.#reader.repeat();
    } else log.error("redis does not answer: only machines of this node serve");
    this.#machines.reachChanged();
  }
}
