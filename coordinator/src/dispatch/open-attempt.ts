import type { Clock } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { ProviderLink } from "../fleet/provider-link.js";
import { HearthError } from "../platform/errors.js";
import type { TraceContext } from "../platform/trace-context.js";
import type { Picked, PickResult } from "../selection/pick-result.js";
import type { Picker } from "../selection/picker.js";
import { nextBuilds, type RoutePlan } from "../selection/route-plan.js";
import type { PastAttempt, Search, Traits } from "../selection/traits.js";
import type { WaitQueue, WaitRequest } from "../selection/wait-queue.js";
import type { AttemptEnd } from "./attempt-deps.js";
import { isRefusal, LEFT_WHILE_PAUSED } from "./failures.js";
import type { Hedging } from "./hedging.js";
import type { OutboundRequest } from "./outbound-request.js";
import { DEFAULT_POLICY, type PolicySettings } from "./policy.js";
import type { StartAttempt } from "./race.js";
import { giveBack, type Leased, type SendDeps, sendAttempt } from "./send-attempt.js";
import type { SentAttempt } from "./sent-attempt.js";
import type { StartResult, StartTerms } from "./types.js";

export interface OpenAttemptDeps extends SendDeps {
  readonly picker: Picker;
  readonly queue: WaitQueue;
  readonly hedging: Hedging;
  readonly link: (id: ProviderId) => ProviderLink | undefined;
  readonly clock: Clock;
  /** Read at each use; absent = the default. */
  readonly policy?: () => Pick<PolicySettings, "provenMs">;
}

/** The part of a request's record that its attempts read and write. */
export interface AttemptedRequest {
  readonly request: OutboundRequest;
  /** What the request needs, with the first build of its plan as the model. */
  readonly traits: Traits;
  readonly plan: RoutePlan;
  /** Absent = nobody traces it. */
  readonly trace?: TraceContext | undefined;
  /** The slot that admission has leased for the first attempt. Returns it once. */
  takeSlot(): Picked | undefined;
  /** An attempt was sent. */
  add(sent: SentAttempt): void;
  /** Another attempt was wanted in place of one that failed or is late, and nobody could take it. */
  unplaced?(error: HearthError): void;
}

/**
 * Picks a provider, seals the request for it and sends it. Each attempt does all three, because the body's form and the
 * key depend on the provider. The builds of a plan get their turns. Failures after the send are events of the attempt.
 */
export function openAttempt(deps: OpenAttemptDeps, record: AttemptedRequest): StartAttempt<SentAttempt> {
  const opener = new AttemptOpener(deps, record);
  return (terms, signal) => opener.start(terms, signal);
}

type Started = StartResult<SentAttempt>;

class AttemptOpener {
  readonly #deps: OpenAttemptDeps;
  readonly #record: AttemptedRequest;
  readonly #history = new Map<ProviderId, PastAttempt>();
  readonly #attempted = new Set<string>();
  #build: string;
  #primary: ProviderLink | undefined;

  constructor(deps: OpenAttemptDeps, record: AttemptedRequest) {
    this.#deps = deps;
    this.#record = record;
    this.#build = record.traits.model;
  }

  start(terms: StartTerms, signal: () => AbortSignal): Started | Promise<Started> {
    const { hedging } = this.#deps;
    const { traits } = this.#record;
    switch (terms.role) {
      case "primary":
        hedging.primary(traits.model);
        return this.#start(terms, traits, signal, this.#record.takeSlot());
      case "retry":
        hedging.retry(traits.model);
        return this.#start(terms, traits, signal);
      case "overtake":
        return this.#start(terms, traits, signal);
      case "backup":
        return this.#backUp(terms, signal);
    }
  }

  #backUp(terms: StartTerms, signal: () => AbortSignal): Started | Promise<Started> {
    const { hedging } = this.#deps;
    const wanted = this.#backupTraits();
    if (hedging.hedge(wanted) !== undefined) return busy();
    const result = this.#start(terms, wanted, signal);
    if (!(result instanceof Promise) && result.type === "unavailable") hedging.untaken(wanted.model);
    return result;
  }

  /** What the request needs, with the build of its latest attempt as the model. */
  get #current(): Traits {
    return withBuild(this.#record.traits, this.#build);
  }

  /** Under `prefer`, a request that runs on the caller's own machine gets no backup that would cost money. */
  #backupTraits(): Traits {
    const traits = this.#current;
    const atHome = traits.route === "prefer" && this.#primary?.account === traits.account;
    return atHome ? { ...traits, route: "self" } : traits;
  }

  /** Leases a slot for one of the plan's builds and sends the request there. Waits for one where the terms allow it. */
  #start(terms: StartTerms, wanted: Traits, signal: () => AbortSignal, taken?: Picked): Started | Promise<Started> {
    let refusal: PickResult | undefined;
    let waitingFor: WaitRequest | undefined;
    let slot = taken;
    for (const build of this.#builds(terms, taken !== undefined)) {
      const traits = withBuild(wanted, build);
      if (!this.#mayTake(terms, traits)) continue;
      const result = this.#startOn(traits, terms, slot);
      slot = undefined;
      if (result.type === "started") return result;
      if (result.type === "queue") {
        waitingFor ??= { ...this.#search(traits, terms), priority: "failover", until: terms.until };
      } else refusal ??= result;
    }
    if (waitingFor === undefined) return this.#unplaced(terms, refusal?.type === "unavailable" ? refusal : busy());
    return terms.waits ? this.#wait(terms, waitingFor, signal) : this.#unplaced(terms, busy());
  }

  /** One that was only to run beside another is not missed. */
  #unplaced({ role }: StartTerms, result: Extract<Started, { type: "unavailable" }>): Started {
    if (role === "retry") this.#record.unplaced?.(result.error);
    return result;
  }

  /** Rules 3 and 6: an attempt that runs beside another one takes no slot, of any build, that requests wait for. */
  #mayTake({ role }: StartTerms, traits: Traits): boolean {
    const { hedging, queue } = this.#deps;
    switch (role) {
      case "primary":
      case "retry":
        return true;
      case "overtake":
        return hedging.mayOvertake(traits);
      case "backup":
        return queue.depth(traits.model) === 0;
    }
  }

  async #wait(terms: StartTerms, request: WaitRequest, signal: () => AbortSignal): Promise<Started> {
    const result = await this.#deps.queue.wait(request, signal());
    if (result.type !== "picked") return this.#unplaced(terms, result);
    if (signal().aborted) {
      giveBack(result);
      return busy();
    }
    this.#build = request.traits.model;
    return this.#start(terms, request.traits, signal, result);
  }

  /** The builds to try, best first: the current one first, except for a retry that has no slot yet. */
  #builds({ role, last }: StartTerms, hasSlot: boolean): readonly string[] {
    const { plan } = this.#record;
    const { evidence, clock, policy } = this.#deps;
    const { provenMs } = policy?.() ?? DEFAULT_POLICY;
    const isProven = (build: string): boolean => {
      const at = evidence.lastSuccessAt(build);
      return hasSlot || role !== "retry" || (at !== undefined && clock.now() - at <= provenMs);
    };
    return nextBuilds(plan, { current: this.#build, attempted: this.#attempted, last: last && !hasSlot, isProven });
  }

  #search(traits: Traits, { unlikeEarlier, expectedBefore }: StartTerms): Search {
    return { traits, history: this.#history, unlikeEarlier, expectedBefore };
  }

  /** Picks providers until one takes the request or none is left. */
  #startOn(traits: Traits, terms: StartTerms, taken?: Picked): Started | Exclude<PickResult, Picked> {
    const { picker, clock } = this.#deps;
    for (let slot = taken; ; slot = undefined) {
      const startedAt = clock.now();
      const pick = slot ?? picker.pick(this.#search(traits, terms));
      if (pick.type !== "picked") return pick;
      const started = this.#send({ pick, traits, role: terms.role }, startedAt);
      if (started !== undefined) return started;
    }
  }

  /** @returns `undefined` when this provider can take nothing after all, so that another must be picked */
  #send(placed: Leased, startedAt: number): Started | undefined {
    const { clock, link: find, observer } = this.#deps;
    const { pick, traits, role } = placed;
    const routeMs = clock.now() - startedAt;
    const link = find(pick.provider);
    if (link === undefined) {
      this.#history.set(pick.provider, GONE);
      return giveBack(pick);
    }
    this.#note(link, traits.model);
    const sent = sendAttempt(this.#deps, {
      ...placed,
      link,
      request: this.#record.request,
      trace: this.#record.trace,
      routeMs,
      left: (attempt, end) => this.#left(attempt, end),
    });
    if (sent === undefined || sent instanceof HearthError) {
      giveBack(pick);
      return sent && { type: "unavailable", error: sent };
    }
    if (role !== "backup") this.#primary = link;
    this.#build = traits.model;
    this.#attempted.add(traits.model);
    observer.started(role);
    if (role === "overtake") this.#deps.hedging.overtaking(traits.model, 1);
    this.#record.add(sent);
    const { estimateMs } = pick.expectation;
    return { type: "started", attempt: sent, estimateMs, hedgeAtOnce: pick.hedgeAtOnce };
  }

  #note(link: ProviderLink, model: string): void {
    const before = this.#history.get(link.id);
    const { connectedAt, agentVersion } = link;
    const { context_length: contextLength, backend } = link.models.get(model) ?? {};
    this.#history.set(link.id, {
      connectedAt,
      agentVersion,
      backend: backend?.kind,
      contextLength,
      state: "running",
      times: (before?.times ?? 0) + 1,
    });
  }

  /** Notes how the attempt ended, which decides whether its provider may be picked again, and before whom. */
  #left(sent: SentAttempt, end: AttemptEnd): void {
    const { hedging, clock } = this.#deps;
    if (sent.role === "overtake") hedging.overtaking(sent.model, -1);
    // Rule 6: an attempt that was given up would have taken at least this long.
    if (end.type === "cancelled" && (end.reason === "lost_race" || end.reason === "deadline")) {
      const { promptTokens } = this.#record.traits;
      hedging.history.censored(sent.model, promptTokens, clock.now() - sent.attempt.startedAt);
    }
    const past = this.#history.get(sent.provider);
    if (past === undefined || end.type !== "failed") return;
    // The machine left because this process was paused, which says nothing against it: it may serve when it is back.
    if (end.failure === LEFT_WHILE_PAUSED) this.#history.delete(sent.provider);
    else
      this.#history.set(sent.provider, { ...past, state: isRefusal(end.failure) ? "refused_before_work" : "failed" });
  }
}

/** The entry of a provider that left between the pick and the send, so that it is not picked again. */
const GONE: PastAttempt = {
  connectedAt: Number.POSITIVE_INFINITY,
  agentVersion: "",
  backend: undefined,
  contextLength: undefined,
  state: "running",
  times: 1,
};

const withBuild = (traits: Traits, build: string): Traits =>
  build === traits.model ? traits : { ...traits, model: build };

const busy = (): Extract<StartResult, { type: "unavailable" }> => ({
  type: "unavailable",
  error: new HearthError("no_provider", "All providers of this model are busy.", { retryAfterSeconds: 2 }),
});
