import { type EncryptionKeyPair, generateKeyPair, type RequestOpener } from "@hearth/e2e";
import { type CoordinatorFrame, decodeData, type RequestFrame } from "@hearth/protocol";
import { OpeningContexts } from "../scripted/opening-contexts.js";
import { formed, HEALTHY_PLAN, poisonedPlan, TOO_LONG_PLAN } from "./attempt-plans.js";
import { Connection } from "./connection.js";
import { mixSeeds, Random } from "./random.js";
import type { AttemptPlan, Disruption, ProviderPlan } from "./scenario.js";
import { SimCondition } from "./sim-condition.js";
import { SimStream } from "./sim-stream.js";
import type { World } from "./world.js";

/** How soon an agent dials again once it has noticed that its connection is gone, ms. */
const REDIAL_MS = 1_000;

interface Gathering {
  readonly frame: RequestFrame;
  readonly opener: RequestOpener;
}

/** A connection, and what runs on it. */
interface Line {
  readonly connection: Connection;
  readonly gathering: Map<number, Gathering>;
  readonly streams: Map<number, { readonly model: string; readonly stream: SimStream }>;
}

/** A provider's machine: dials, registers, tells how it is, serves, and fails as planned. */
export class SimProvider {
  readonly identity: string;
  readonly #world: World;
  readonly #plan: ProviderPlan;
  readonly #keys: EncryptionKeyPair;
  readonly #contexts: OpeningContexts;
  readonly #condition: SimCondition;
  #line: Line | undefined;
  /** Those that it was asked to leave: it finishes what runs there. */
  readonly #leaving = new Set<Line>();
  #connections = 0;
  /** Until then it stays away whatever happens. */
  #downUntil = 0;
  #draining: Line | undefined;
  #gone = false;

  constructor(world: World, plan: ProviderPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#condition = new SimCondition(plan);
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
    const { ailing, unloaded } = this.#condition;
    this.#condition.heal();
    this.#downUntil = 0;
    for (const { streams } of this.#lines) for (const { stream } of [...streams.values()]) stream.heal();
    if (this.#line?.connection.record.guilty || this.#line === this.#draining) this.#die();
    if (this.#line === undefined) return this.#dial();
    if (unloaded) this.#tellModels();
    if (ailing) this.#heartbeat(this.#line);
  }

  /** It goes, for good. */
  leave(): void {
    this.#gone = true;
    this.#line?.connection.send({ type: "drain" });
    this.#die();
  }

  get #lines(): readonly Line[] {
    return this.#line === undefined ? [...this.#leaving] : [this.#line, ...this.#leaving];
  }

  #dial(): void {
    const { time } = this.#world;
    if (this.#gone || this.#line !== undefined) return;
    if (time.now() < this.#downUntil) return;
    const random = new Random(mixSeeds(this.#world.scenario.seed, 3, this.#plan.index, this.#connections++));
    const connection = new Connection(this.#world, this.#plan, random);
    const line: Line = { connection, gathering: new Map(), streams: new Map() };
    this.#line = line;
    connection.open({
      frame: (frame) => this.#receive(line, frame),
      data: (bytes) => this.#receiveData(line, bytes),
      closed: () => this.#lost(line),
    });
    connection.send(this.#condition.register(this.identity, this.#runningOf));
  }

  #lost(line: Line): void {
    if (this.#leaving.delete(line)) return stopStreams(line);
    if (this.#line !== line) return;
    this.#line = undefined;
    stopStreams(line);
    // They go the same way.
    this.#hangUpOthers();
    this.#redial(REDIAL_MS);
  }

  #drop(): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    stopStreams(line);
    // Its end may arrive behind the beginning of the next one, and then it is closed as replaced.
    line.connection.record.guilty = true;
    line.connection.close();
  }

  /** The process is gone, and all its connections. */
  #die(): void {
    this.#drop();
    this.#hangUpOthers();
  }

  #hangUpOthers(): void {
    for (const line of this.#leaving) this.#hangUp(line);
  }

  #hangUp(line: Line): void {
    this.#leaving.delete(line);
    stopStreams(line);
    line.connection.close();
  }

  #redial(afterMs: number): void {
    this.#world.time.schedule(afterMs, `p${this.#plan.index} dials again`, () => this.#dial());
  }

  #down(downMs: number): void {
    this.#downUntil = this.#world.time.now() + downMs;
    this.#die();
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
      case "go_away":
        // Not while it finishes what it was sent away with before.
        if (this.#leaving.size > 0) return;
        return this.#line?.connection.record.session?.goAway("rebalancing", disruption.backAfterMs);
      case "upgrade":
        this.#condition.version = disruption.version;
        return this.#down(500);
      case "slot":
        return this.#forAWhile(
          disruption.forMs,
          (on) => (this.#condition.slotState = on ? disruption.state : undefined),
        );
      case "thermal":
        return this.#forAWhile(disruption.forMs, (on) => (this.#condition.hot = on));
      case "own_work":
        return this.#forAWhile(disruption.forMs, (on) => (this.#condition.ownWork = on ? 2 : 0));
      case "unload":
        return this.#forAWhile(disruption.forMs, (on) => {
          this.#condition.unloaded = on;
          this.#tellModels();
        });
    }
  }

  #leaveAfterwards(downMs: number): void {
    const line = this.#line;
    if (line === undefined) return;
    line.connection.send({ type: "drain" });
    this.#draining = line;
    this.#world.time.schedule(5_000, `p${this.#plan.index} leaves`, () => {
      if (this.#line === line) this.#down(downMs);
    });
  }

  /** Finishes what runs on this connection, and meanwhile dials again. */
  #goAway(line: Line, backAfterMs: number): void {
    if (this.#line !== line) return;
    line.connection.record.guilty = true;
    this.#line = undefined;
    this.#leaving.add(line);
    this.#redial(backAfterMs);
    if (line.streams.size + line.gathering.size === 0) this.#hangUp(line);
  }

  #forAWhile(ms: number, change: (on: boolean) => void): void {
    change(true);
    this.#world.time.scheduleElsewhere(ms, `p${this.#plan.index} is itself again`, () => {
      change(false);
      if (this.#line !== undefined) this.#heartbeat(this.#line);
    });
    if (this.#line !== undefined) this.#heartbeat(this.#line);
  }

  /** The old connection is left hanging: only the coordinator's pings will find out. */
  #goHalfOpen(downMs: number): void {
    this.#line?.connection.goHalfOpen();
    if (this.#line !== undefined) stopStreams(this.#line);
    this.#line = undefined;
    this.#hangUpOthers();
    this.#downUntil = this.#world.time.now() + downMs;
    this.#redial(downMs);
  }

  #reconnect(): void {
    const old = this.#line;
    if (old === undefined) return;
    old.connection.record.guilty = true;
    this.#line = undefined;
    stopStreams(old);
    this.#hangUpOthers();
    this.#dial();
  }

  #receive(line: Line, frame: CoordinatorFrame): void {
    if (line !== this.#line && !this.#leaving.has(line)) return;
    switch (frame.type) {
      case "registered":
        return this.#keepBeating(line);
      case "sealing_context":
        return this.#contexts.add(frame, this.#keys);
      case "request":
        line.gathering.set(frame.stream, { frame, opener: this.#contexts.openerOf(frame) });
        return;
      case "cancel":
        return line.streams.get(frame.stream)?.stream.cancel();
      case "go_away":
        return this.#goAway(line, frame.reconnect_after_ms);
      case "credit":
      case "heartbeat_ack":
        return;
    }
  }

  #receiveData(line: Line, bytes: Uint8Array): void {
    const data = decodeData(bytes);
    const gathering = data && line.gathering.get(data.stream);
    if ((line !== this.#line && !this.#leaving.has(line)) || !data || !gathering) return;
    gathering.opener.open(data.ciphertext, data.seq, data.final);
    if (!data.final) return;
    line.gathering.delete(data.stream);
    this.#serve(line, gathering);
  }

  #serve(line: Line, { frame, opener }: Gathering): void {
    const stream = new SimStream({
      world: this.#world,
      connection: line.connection,
      frame,
      opener,
      plan: this.#planFor(line.connection, frame),
      onCrash: () => this.#down(3_000),
      onHalfOpen: () => this.#goHalfOpen(20_000),
      ended: () => {
        line.streams.delete(frame.stream);
        if (this.#leaving.has(line) && line.streams.size + line.gathering.size === 0) this.#hangUp(line);
      },
    });
    line.streams.set(frame.stream, { model: frame.model, stream });
    this.#condition.warm.add(frame.model);
  }

  #planFor(connection: Connection, frame: RequestFrame): AttemptPlan {
    const request = connection.attemptOf(frame.stream)?.request;
    if (this.#world.healed || request === undefined) return formed(HEALTHY_PLAN, request?.plan);
    const { plan, attempts } = request;
    if (plan.poison !== undefined) return poisonedPlan(plan.poison);
    const { habit, models } = this.#plan;
    const shaped =
      habit?.shapes === "all" ||
      (habit?.shapes === "tools" && plan.tools) ||
      (habit?.shapes === "vision" && plan.vision);
    if (habit !== undefined && shaped && habit.fromMs <= this.#world.time.now()) return formed(habit.plan, plan);
    const context = models.find(({ id }) => id === frame.model)?.context;
    if (context !== undefined && plan.promptTokens > context.real) return TOO_LONG_PLAN;
    const nth = attempts.findIndex((attempt) => attempt.id === frame.attempt_id);
    return plan.attempts[nth] ?? formed(HEALTHY_PLAN, plan);
  }

  #keepBeating(line: Line): void {
    this.#world.time.scheduleElsewhere(this.#plan.heartbeatMs, `p${this.#plan.index} heartbeat`, () => {
      if (line !== this.#line || this.#world.resting) return;
      this.#heartbeat(line);
      this.#keepBeating(line);
    });
  }

  #heartbeat({ connection }: Line): void {
    connection.send(this.#condition.heartbeat(this.#runningOf));
  }

  readonly #runningOf = (model: string): number => {
    let running = 0;
    for (const { streams } of this.#lines) for (const each of streams.values()) if (each.model === model) running += 1;
    return running;
  };

  #tellModels(): void {
    this.#line?.connection.send({ type: "models_update", models: this.#condition.adverts() });
  }
}

function stopStreams({ gathering, streams }: Line): void {
  gathering.clear();
  for (const { stream } of [...streams.values()]) stream.stop();
  streams.clear();
}
