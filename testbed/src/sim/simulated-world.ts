import type { Primitives } from "@hearth/e2e";
import type { RequestFrame } from "@hearth/protocol";
import { assemble } from "./assemble.js";
import type { CoordinatorUnderTest } from "./coordinator-under-test.js";
import { type AttemptRecord, type ConnectionRecord, Journal, type RequestRecord } from "./journal.js";
import { createNullPrimitives } from "./null-primitives.js";
import { mixSeeds, Random } from "./random.js";
import type { RequestPlan, Scenario } from "./scenario.js";
import { serveConsumer } from "./sim-consumer.js";
import { SimProvider } from "./sim-provider.js";
import type { SimSocket } from "./socket.js";
import { VirtualTime } from "./virtual-time.js";
import type { World } from "./world.js";

/** One run: the coordinator's real parts, and everything around them. */
export class SimulatedWorld implements World {
  readonly scenario: Scenario;
  readonly time: VirtualTime;
  readonly journal: Journal = new Journal();
  readonly primitives: Primitives = createNullPrimitives();
  readonly coordinator: CoordinatorUnderTest;
  readonly providers: readonly SimProvider[];
  healed = false;
  resting = false;
  readonly #lines: string[] | undefined;

  /** @param traced write down what happens, for people to read */
  constructor(scenario: Scenario, traced: boolean) {
    this.scenario = scenario;
    this.#lines = traced ? [] : undefined;
    this.time = new VirtualTime(new Random(mixSeeds(scenario.seed, 4)));
    this.coordinator = assemble(this);
    this.providers = scenario.providers.map((plan) => new SimProvider(this, plan));
    for (const provider of this.providers) provider.start();
    for (const plan of scenario.requests) {
      this.time.schedule(plan.atMs, `request ${plan.index} arrives`, () => this.#arrive(plan));
    }
    this.time.schedule(scenario.healAtMs, "everything heals", () => this.#heal());
  }

  get slowness(): number {
    const { slowdown } = this.scenario;
    if (slowdown === undefined || this.healed) return 1;
    const now = this.time.now();
    return now >= slowdown.fromMs && now < slowdown.toMs ? slowdown.factor : 1;
  }

  get lines(): readonly string[] {
    return this.#lines ?? [];
  }

  trace(line: string): void {
    this.#lines?.push(`${(this.time.now() / 1000).toFixed(3).padStart(9)} s  ${line}`);
  }

  identityOf(provider: number): string {
    return (this.providers[provider] as SimProvider).identity;
  }

  accept(socket: SimSocket, record: ConnectionRecord): void {
    this.coordinator.accept(socket, record);
  }

  opened(frame: RequestFrame, connection: ConnectionRecord): AttemptRecord {
    const request = this.journal.requests.get(Number(frame.request_id.slice("req_".length))) as RequestRecord;
    const now = this.time.now();
    const attempt: AttemptRecord = {
      id: frame.attempt_id,
      request,
      connection,
      frame,
      openedAt: now,
      role: undefined,
      contextLength: undefined,
      pick: undefined,
      time: undefined,
      failure: undefined,
      signs: new Map(),
      lastSignAt: now,
      whole: undefined,
      writing: false,
      overAt: undefined,
      cancelReason: undefined,
      events: [],
      contents: 0,
      lastContentAt: now,
      finished: false,
      finalFrame: false,
      completed: undefined,
      receivedBytes: 0,
      grantedBytes: 0,
    };
    this.journal.beginAttempt(attempt);
    return attempt;
  }

  #arrive(plan: RequestPlan): void {
    const record: RequestRecord = {
      plan,
      arrivedAt: this.time.now(),
      wanted: undefined,
      servableSince: undefined,
      lookAt: 0,
      attempts: [],
      winner: undefined,
      written: [],
      foreignWrite: undefined,
      firstByteAt: undefined,
      committedOn: undefined,
      terminals: [],
      sentAfterEnd: false,
      goneAt: undefined,
      blockedSince: undefined,
      lastUnblockedAt: 0,
      doneAt: undefined,
      crash: undefined,
    };
    this.journal.arrive(record);
    this.trace(`request ${plan.index} arrives for ${plan.model}`);
    serveConsumer(this, record);
  }

  #heal(): void {
    this.healed = true;
    this.trace("everything heals");
    for (const provider of this.providers) provider.heal();
  }
}
