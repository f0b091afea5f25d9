import type { AttemptRole, HearthError, ProviderSession, Search } from "@hearth/coordinator/internals";
import type { CancelReason, RequestFrame, Usage, WorkingScope, WorkingSign } from "@hearth/protocol";
import { GrantedTime } from "./granted-time.js";
import type { RequestPlan } from "./scenario.js";

// What really happened, taken down at the two ends of the coordinator: at the wire to the providers, and in the
// consumers' hands. Nothing here comes from the coordinator's own account of itself.

/** An event that the consumer of the winning attempt must see. */
export interface DeliveredEvent {
  readonly text: string;
  readonly content: boolean;
  /** Of what is no content: one that says the same as the one before takes its place while it is held. */
  readonly meaning?: string;
}

/** One connection of one provider. */
export interface ConnectionRecord {
  readonly provider: number;
  /** `undefined` until it has registered. */
  session: ProviderSession | undefined;
  readonly openAttempts: Set<AttemptRecord>;
  /** It has done something that the coordinator may close it for. */
  guilty: boolean;
  over: "closed_by_coordinator" | "closed_by_peer" | undefined;
  overAt: number | undefined;
  closeCode: number | undefined;
}

/** What the coordinator chose a provider by. */
export interface PickRecord {
  /** What was looked for. Its `tried` is the request's own memory, and goes on changing. */
  readonly search: Search;
  /** How long its first content was expected to take, with the margin, ms. */
  readonly estimateMs: number;
  /** Nothing of it had been measured on that machine. */
  readonly byDefault: boolean;
  /** It finds out whether the machine is well again. */
  readonly probe: boolean;
  /** It came out of the queue. */
  readonly waited: boolean;
}

/** What a failure means, by what crossed the wire. */
export interface WireFailure {
  /** `refusal`: it had no room, or nothing was done; `rejected`: a 4xx; `fault`: the provider's, until it is shown to be not. */
  readonly kind: "refusal" | "rejected" | "fault";
  /** Two failures with the same are alike; absent = never alike. */
  readonly likeness?: string;
}

/** One attempt, as the wire shows it. */
export interface AttemptRecord {
  readonly id: string;
  readonly request: RequestRecord;
  readonly connection: ConnectionRecord;
  readonly frame: RequestFrame;
  readonly openedAt: number;
  role: AttemptRole | undefined;
  /** What its provider told of its context when it started, tokens. */
  contextLength: number | undefined;
  /** Absent until it has started. */
  pick: PickRecord | undefined;
  time: GrantedTime | undefined;
  failure: WireFailure | undefined;
  /** The last counter of each sign of life. */
  readonly signs: Map<string, number>;
  lastSignAt: number;
  /** All of an answer that comes as a whole. */
  whole: DeliveredEvent | undefined;
  /** It has told that it writes an answer that comes as a whole, or that it holds back. */
  writing: boolean;
  /** Nothing more may come of it: it has ended, was cancelled, or its connection is gone. */
  overAt: number | undefined;
  cancelReason: CancelReason | undefined;
  readonly events: DeliveredEvent[];
  contents: number;
  lastContentAt: number;
  /** A finish reason or `[DONE]` has been delivered. */
  finished: boolean;
  finalFrame: boolean;
  /** `complete` was delivered behind a whole stream. */
  completed: Usage | undefined;
  receivedBytes: number;
  grantedBytes: number;
}

/** What is told of a request while it has no content. */
export interface SignOfLife {
  readonly sign: WorkingSign;
  readonly counter: number;
  readonly scope?: WorkingScope;
}

/** One request, as its consumer sees it. */
export interface RequestRecord {
  readonly plan: RequestPlan;
  readonly arrivedAt: number;
  /** What was looked for when it was admitted, or was not. */
  wanted: Search | undefined;
  readonly attempts: AttemptRecord[];
  /** Since when somebody who is idle could have served it, beyond its estimate, and when that is to be looked at again. */
  servableSince: number | undefined;
  lookAt: number;
  /** Whose events the consumer gets. */
  winner: AttemptRecord | undefined;
  readonly written: string[];
  /** Which of these is not what the winner sent there. */
  foreignWrite: number | undefined;
  firstByteAt: number | undefined;
  /** What the winner had delivered when the first byte came. */
  committedOn: { readonly contents: number; readonly clean: boolean } | undefined;
  readonly terminals: Terminal[];
  /** Something was sent behind the end. */
  sentAfterEnd: boolean;
  goneAt: number | undefined;
  /** The consumer does not take what was sent, since. */
  blockedSince: number | undefined;
  lastUnblockedAt: number;
  /** When `handleRequest` was done with it. */
  doneAt: number | undefined;
  /** What the request threw that is no refusal. */
  crash: unknown;
}

export type Terminal =
  | { readonly type: "complete"; readonly usage: Usage; readonly at: number }
  | { readonly type: "failed_in_band"; readonly error: HearthError; readonly at: number }
  | { readonly type: "refused"; readonly error: HearthError; readonly at: number };

/** Somebody in the queue. */
export interface WaiterRecord {
  readonly search: Search;
  readonly model: string;
  readonly priority: string;
  /** Waiters of one class have the same needs: any place that suits one suits the other. */
  readonly sameness: () => string;
  readonly isEligibleNow: () => boolean;
  readonly since: number;
  /** It waits no longer than this, ms. */
  readonly until: number;
  /** It has a slot, and is about to hear of it. */
  served: boolean;
}

/** Faults have put a provider out, for a model and a shape. */
export interface Opening {
  readonly at: number;
  /** When the fault was seen that did it. */
  readonly faultAt: number;
  /** The program that had failed. */
  readonly version: string;
}

export class Journal {
  #arrived = 0;
  readonly requests: Map<number, RequestRecord> = new Map();
  /** Not yet at rest: over, with nothing left to watch. */
  readonly active: Set<RequestRecord> = new Set();
  readonly connections: Set<ConnectionRecord> = new Set();
  readonly attempts: Map<string, AttemptRecord> = new Map();
  lastOpened: AttemptRecord | undefined;
  readonly waiters: Set<WaiterRecord> = new Set();
  /** What was found wrong at the moment it happened, for the invariant of that name. */
  readonly findings: Map<string, string> = new Map();
  /** Whose request is being admitted at this moment. */
  admitting: RequestRecord | undefined;
  /** Who was picked and has not been sent to yet, by provider and model. */
  readonly picks: Map<string, PickRecord[]> = new Map();
  /** The state that selection looks at has changed since the last look. */
  fleetChanged = false;
  /** Models of the machines that have changed. */
  readonly changedModels: Set<string> = new Set();
  /** Since the last look, somebody was picked. */
  placesTaken = false;
  /** Places that have come free are being given to those who wait. */
  draining = false;
  /** Since the last look, an attempt began or ended on the wire. */
  attemptsChanged = false;
  /** When the breaker was told something last, ms. */
  lastVerdictAt: number = Number.NEGATIVE_INFINITY;
  /** When each provider, model and shape was opened last. */
  readonly openings: Map<string, Opening> = new Map();
  /** Since the last look, these were cancelled because they were late. */
  readonly letGo: AttemptRecord[] = [];
  /** Probes under way, by provider, model and shape. */
  readonly probes: Map<string, number> = new Map();

  /** What happened how often: whether a run has come near the rules it is to test. */
  readonly seen: Map<string, number> = new Map();

  count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  find(name: string, problem: string): void {
    if (!this.findings.has(name)) this.findings.set(name, problem);
  }

  /** Requests that have not ended. */
  get undone(): number {
    let undone = 0;
    for (const request of this.active) if (request.doneAt === undefined) undone += 1;
    return undone;
  }

  get arrived(): number {
    return this.#arrived;
  }

  arrive(request: RequestRecord): void {
    this.#arrived += 1;
    this.requests.set(request.plan.index, request);
    this.active.add(request);
  }

  /** Lets go of what nothing more can happen to. */
  forgetThePast(): void {
    this.fleetChanged = false;
    this.changedModels.clear();
    this.placesTaken = false;
    this.attemptsChanged = false;
    this.letGo.length = 0;
    for (const request of this.active) {
      if (request.doneAt !== undefined && request.attempts.every((attempt) => attempt.overAt !== undefined)) {
        this.active.delete(request);
      }
    }
    for (const connection of this.connections) if (connection.over !== undefined) this.connections.delete(connection);
  }

  beginAttempt(attempt: AttemptRecord): void {
    attempt.request.attempts.push(attempt);
    attempt.connection.openAttempts.add(attempt);
    this.attempts.set(attempt.id, attempt);
    this.lastOpened = attempt;
    this.attemptsChanged = true;
  }

  /** The attempt has its role, and the clocks of whom it was picked with. */
  startAttempt(attempt: AttemptRecord, role: AttemptRole): void {
    attempt.role = role;
    attempt.contextLength = attempt.connection.session?.models.get(attempt.frame.model)?.context_length;
    const unsent = this.picks.get(pickKey(attempt.connection.session?.id, attempt.frame.model)) ?? [];
    const own = unsent.findIndex(({ search }) => isFor(search.traits, attempt.request));
    const [pick] = unsent.splice(Math.max(0, own), 1);
    if (pick === undefined) return this.find("the coordinator sends where it has picked", attempt.id);
    attempt.pick = pick;
    attempt.time = new GrantedTime(attempt.openedAt, pick.estimateMs);
  }

  /** A sign of life has come: only a counter that moved is one. */
  heard(attempt: AttemptRecord, { sign, counter, scope = "request" }: SignOfLife, now: number): void {
    const key = `${scope} ${sign}`;
    if (attempt.signs.get(key) === counter) return;
    attempt.signs.set(key, counter);
    attempt.lastSignAt = now;
    if (sign === "generating" && scope === "request" && attempt.contents === 0) {
      attempt.writing = true;
      attempt.lastContentAt = now;
    }
    attempt.time?.moved(sign, scope, now);
  }

  endAttempt(attempt: AttemptRecord, at: number): void {
    if (attempt.overAt !== undefined) return;
    attempt.overAt = at;
    this.attemptsChanged = true;
    attempt.connection.openAttempts.delete(attempt);
  }

  endConnection(connection: ConnectionRecord, why: ConnectionRecord["over"], at: number): void {
    connection.over = why;
    connection.overAt = at;
    if (connection.closeCode !== undefined) this.count(`close ${connection.closeCode}`);
    if (why === "closed_by_coordinator" && !connection.guilty) {
      this.find("only the guilty are cut off", `p${connection.provider} was closed with ${connection.closeCode}`);
    }
    for (const attempt of [...connection.openAttempts]) this.endAttempt(attempt, at);
  }
}

/** A request keeps its traits, but for the build. */
function isFor(traits: Search["traits"], { wanted }: RequestRecord): boolean {
  if (wanted === undefined || traits === wanted.traits) return true;
  const { account, shape, promptTokens, maxTokens, conversation } = wanted.traits;
  return (
    traits.model !== wanted.traits.model &&
    traits.account === account &&
    traits.shape === shape &&
    traits.promptTokens === promptTokens &&
    traits.maxTokens === maxTokens &&
    traits.conversation === conversation
  );
}

export const pairKey = (provider: string, model: string, shape: string): string => `${provider} ${model} ${shape}`;
export const pickKey = (provider: string | undefined, model: string): string => `${provider} ${model}`;
