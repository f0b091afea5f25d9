import { type EncryptionKeyPair, generateKeyPair, type RequestOpener } from "@hearth/e2e";
import { type CoordinatorFrame, decodeData, type RegisterFrame, type RequestFrame, type Slot } from "@hearth/protocol";
import { OpeningContexts } from "../scripted/opening-contexts.js";
import { HEALTHY_PLAN } from "./attempt-plans.js";
import { Connection } from "./connection.js";
import { mixSeeds, Random } from "./random.js";
import type { AttemptPlan, Disruption, ProviderPlan } from "./scenario.js";
import { SimStream } from "./sim-stream.js";
import type { World } from "./world.js";

const MEMORY_BYTES = 64 * 2 ** 30;
/** How soon an agent dials again once it has noticed that its connection is gone, ms. */
const REDIAL_MS = 1_000;

interface Gathering {
  readonly frame: RequestFrame;
  readonly opener: RequestOpener;
}

/** A provider's machine: dials, registers, tells how it is, serves, and fails as planned. */
export class SimProvider {
  readonly identity: string;
  readonly #world: World;
  readonly #plan: ProviderPlan;
  readonly #keys: EncryptionKeyPair;
  readonly #contexts: OpeningContexts;
  #connection: Connection | undefined;
  readonly #gathering = new Map<number, Gathering>();
  readonly #streams = new Map<number, { readonly model: string; readonly stream: SimStream }>();
  #connections = 0;
  #version: string;
  #slotState: "reloading" | "crashed" | undefined;
  #hot = false;
  #ownWork = 0;
  #unloaded = false;
  /** Until then it stays away whatever happens. */
  #downUntil = 0;
  #draining: Connection | undefined;
  #gone = false;

  constructor(world: World, plan: ProviderPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#version = plan.version;
    this.#keys = generateKeyPair(world.primitives);
    this.#contexts = new OpeningContexts({ primitives: world.primitives, padding: "none" });
    this.identity = Buffer.from(this.#keys.publicKey).toString("base64url");
  }

  start(): void {
    const { time } = this.#world;
    const { index, connectAtMs, disruptions } = this.#plan;
    time.schedule(connectAtMs, `p${index} dials`, () => this.#dial());
    for (const disruption of disruptions) {
      time.schedule(disruption.atMs, `p${index}: ${disruption.type}`, () => this.#disrupt(disruption));
    }
  }

  /** Everything that was wrong with it is over. */
  heal(): void {
    const ailing = this.#slotState !== undefined || this.#hot || this.#ownWork > 0;
    const unloaded = this.#unloaded;
    this.#slotState = undefined;
    this.#hot = false;
    this.#ownWork = 0;
    this.#unloaded = false;
    this.#downUntil = 0;
    for (const { stream } of [...this.#streams.values()]) stream.heal();
    if (this.#connection?.record.guilty || this.#connection === this.#draining) this.#drop();
    if (this.#connection === undefined) return this.#dial();
    if (unloaded) this.#tellModels();
    if (ailing) this.#heartbeat(this.#connection);
  }

  /** It goes, for good. */
  leave(): void {
    this.#gone = true;
    this.#connection?.send({ type: "drain" });
    this.#drop();
  }

  #dial(): void {
    const { time } = this.#world;
    if (this.#gone || this.#connection !== undefined) return;
    if (time.now() < this.#downUntil) return;
    const random = new Random(mixSeeds(this.#world.scenario.seed, 3, this.#plan.index, this.#connections++));
    const connection = new Connection(this.#world, this.#plan, random);
    this.#connection = connection;
    connection.open({
      frame: (frame) => this.#receive(connection, frame),
      data: (bytes) => this.#receiveData(connection, bytes),
      closed: () => this.#lostConnection(connection),
    });
    connection.send(this.#registerFrame());
  }

  #lostConnection(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#stopStreams();
    this.#redial(REDIAL_MS);
  }

  #drop(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    this.#stopStreams();
    // Its end may arrive behind the beginning of the next one, and then it is closed as replaced.
    connection.record.guilty = true;
    connection.close();
  }

  #redial(afterMs: number): void {
    this.#world.time.schedule(afterMs, `p${this.#plan.index} dials again`, () => this.#dial());
  }

  #down(downMs: number): void {
    this.#downUntil = this.#world.time.now() + downMs;
    this.#drop();
    this.#redial(downMs);
  }

  #disrupt(disruption: Disruption): void {
    if (this.#world.healed) return;
    this.#world.trace(`p${this.#plan.index}: ${disruption.type}`);
    switch (disruption.type) {
      case "crash":
        return this.#down(disruption.downMs);
      case "half_open":
        return this.#goHalfOpen(disruption.downMs);
      case "reconnect":
        return this.#reconnect();
      case "drain":
        return this.#leaveAfterwards(disruption.downMs);
      case "upgrade":
        this.#version = disruption.version;
        return this.#down(500);
      case "slot":
        return this.#forAWhile(disruption.forMs, (on) => (this.#slotState = on ? disruption.state : undefined));
      case "thermal":
        return this.#forAWhile(disruption.forMs, (on) => (this.#hot = on));
      case "own_work":
        return this.#forAWhile(disruption.forMs, (on) => (this.#ownWork = on ? 2 : 0));
      case "unload":
        return this.#forAWhile(disruption.forMs, (on) => {
          this.#unloaded = on;
          this.#tellModels();
        });
    }
  }

  #leaveAfterwards(downMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    connection.send({ type: "drain" });
    this.#draining = connection;
    this.#world.time.schedule(5_000, `p${this.#plan.index} leaves`, () => {
      if (this.#connection === connection) this.#down(downMs);
    });
  }

  #forAWhile(ms: number, change: (on: boolean) => void): void {
    change(true);
    this.#world.time.scheduleElsewhere(ms, `p${this.#plan.index} is itself again`, () => {
      change(false);
      if (this.#connection !== undefined) this.#heartbeat(this.#connection);
    });
    if (this.#connection !== undefined) this.#heartbeat(this.#connection);
  }

  /** The old connection is left hanging: only the coordinator's pings will find out. */
  #goHalfOpen(downMs: number): void {
    this.#connection?.goHalfOpen();
    this.#connection = undefined;
    this.#stopStreams();
    this.#downUntil = this.#world.time.now() + downMs;
    this.#redial(downMs);
  }

  #reconnect(): void {
    const old = this.#connection;
    if (old === undefined) return;
    old.record.guilty = true;
    this.#connection = undefined;
    this.#stopStreams();
    this.#dial();
  }

  #stopStreams(): void {
    this.#gathering.clear();
    for (const { stream } of [...this.#streams.values()]) stream.stop();
    this.#streams.clear();
  }

  #receive(connection: Connection, frame: CoordinatorFrame): void {
    if (connection !== this.#connection) return;
    switch (frame.type) {
      case "registered":
        return this.#keepBeating(connection);
      case "sealing_context":
        return this.#contexts.add(frame, this.#keys);
      case "request":
        this.#gathering.set(frame.stream, { frame, opener: this.#contexts.openerOf(frame) });
        return;
      case "cancel":
        return this.#streams.get(frame.stream)?.stream.cancel();
      case "credit":
      case "go_away":
      case "heartbeat_ack":
        return;
    }
  }

  #receiveData(connection: Connection, bytes: Uint8Array): void {
    const data = decodeData(bytes);
    const gathering = data && this.#gathering.get(data.stream);
    if (connection !== this.#connection || !data || !gathering) return;
    gathering.opener.open(data.ciphertext, data.seq, data.final);
    if (!data.final) return;
    this.#gathering.delete(data.stream);
    this.#serve(connection, gathering);
  }

  #serve(connection: Connection, { frame, opener }: Gathering): void {
    const stream = new SimStream({
      world: this.#world,
      connection,
      frame,
      opener,
      plan: this.#planFor(connection, frame),
      onCrash: () => this.#down(3_000),
      onHalfOpen: () => this.#goHalfOpen(20_000),
      ended: () => this.#streams.delete(frame.stream),
    });
    this.#streams.set(frame.stream, { model: frame.model, stream });
  }

  #planFor(connection: Connection, frame: RequestFrame): AttemptPlan {
    const request = connection.attemptOf(frame.stream)?.request;
    if (this.#world.healed || request === undefined) return HEALTHY_PLAN;
    const { plan, attempts } = request;
    const { habit } = this.#plan;
    const shaped =
      habit?.shapes === "all" ||
      (habit?.shapes === "tools" && plan.tools) ||
      (habit?.shapes === "vision" && plan.vision);
    if (habit !== undefined && shaped && habit.fromMs <= this.#world.time.now()) return habit.plan;
    const nth = attempts.findIndex((attempt) => attempt.id === frame.attempt_id);
    return plan.attempts[nth] ?? HEALTHY_PLAN;
  }

  #keepBeating(connection: Connection): void {
    this.#world.time.scheduleElsewhere(this.#plan.heartbeatMs, `p${this.#plan.index} heartbeat`, () => {
      if (connection !== this.#connection) return;
      this.#heartbeat(connection);
      this.#keepBeating(connection);
    });
  }

  #heartbeat(connection: Connection): void {
    connection.send({
      type: "heartbeat",
      slots: this.#slots(),
      thermal: this.#hot ? "critical" : "nominal",
      memory_free_bytes: MEMORY_BYTES / 2,
    });
  }

  #slots(): Slot[] {
    return this.#plan.models.map(({ id, concurrency }) => ({
      model: id,
      state: this.#slotState ?? "running",
      running: this.#runningOf(id) + this.#ownWork,
      queued: 0,
      max_concurrency: concurrency,
    }));
  }

  #runningOf(model: string): number {
    let running = 0;
    for (const each of this.#streams.values()) if (each.model === model) running += 1;
    return running;
  }

  #tellModels(): void {
    this.#connection?.send({ type: "models_update", models: this.#adverts() });
  }

  #adverts(): RegisterFrame["models"] {
    const { models } = this.#plan;
    return (this.#unloaded ? models.slice(1) : models).map(({ id, vision }) => ({
      id,
      context_length: 8_192,
      capabilities: { tools: true, vision },
    }));
  }

  #registerFrame(): RegisterFrame {
    return {
      type: "register",
      versions: { min: 2, max: 2 },
      token: this.#plan.account,
      agent: { name: `p${this.#plan.index}`, version: this.#version },
      identity: this.identity,
      encryption_key: { key_id: "k", public_key: this.identity },
      hardware: { platform: "sim", arch: "sim", cpu_cores: 8, memory_bytes: MEMORY_BYTES },
      models: this.#adverts(),
      slots: this.#slots(),
    };
  }
}
