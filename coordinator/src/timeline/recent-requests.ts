import type { Clock } from "@hearth/platform";
import type { RequestId } from "@hearth/protocol";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import type { Outcome } from "../dispatch/types.js";
import type { HearthError } from "../platform/errors.js";
import type { TraceContext } from "../platform/trace-context.js";
import type { RequestRecord } from "../request/request-record.js";
import type { Arrival, RequestWatch } from "../request/request-watch.js";
import { factsBefore, factsOf, type RequestFacts, type Timeline, type TimelineOutcome } from "./request-facts.js";
import type { TimelineSettings } from "./settings.js";

/** Which requests are asked for; what is left out is not looked at. */
export interface TimelineFilter {
  readonly account?: string | undefined;
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly outcome?: TimelineOutcome | undefined;
}

/** A page of them: so many behind the one of this id. */
export interface TimelinePage extends TimelineFilter {
  readonly limit: number;
  readonly after?: string | undefined;
}

export interface RecentDeps {
  readonly clock: Pick<Clock, "now" | "wallTime">;
  /** As the operator has them now. */
  readonly settings: () => TimelineSettings;
}

/** Told of each request that ends. */
export type EndedWatcher = (ended: Timeline) => void;

/** One request: in the chain of all, and in that of its account. Of one that runs, where it is to be looked up. */
class Entry {
  readonly id: RequestId;
  readonly clientId: string | undefined;
  readonly atMs: number;
  readonly chain: AccountChain;
  readonly keyId: string;
  readonly endpoint: string;
  readonly dialect: string;
  readonly trace: TraceContext | undefined;
  /** `undefined` = it is over. */
  running: Arrival | undefined;
  facts: RequestFacts | undefined = undefined;
  older: Entry | undefined = undefined;
  newer: Entry | undefined = undefined;
  olderOfAccount: Entry | undefined = undefined;
  newerOfAccount: Entry | undefined = undefined;

  constructor(arrival: Arrival, atMs: number, chain: AccountChain) {
    const { principal, entrance } = arrival;
    this.id = arrival.id;
    this.clientId = arrival.clientId;
    this.atMs = atMs;
    this.chain = chain;
    this.keyId = principal.keyId;
    this.endpoint = entrance.endpoint;
    this.dialect = entrance.dialect;
    this.trace = arrival.trace;
    this.running = arrival;
  }
}

class AccountChain {
  readonly account: string;
  oldest: Entry | undefined = undefined;
  newest: Entry | undefined = undefined;
  size = 0;

  constructor(account: string) {
    this.account = account;
  }
}

/**
 * The requests of late, in memory: those that run, and of each that is over its facts, which name machines, models and
 * codes and nothing that was said. The oldest makes room, of its own account first. Chains rather than a map in the order
 * of arrival: there, each look for the oldest would pass all that have gone.
 */
export class RecentRequests implements RequestWatch {
  readonly #deps: RecentDeps;
  readonly #byId = new Map<string, Entry>();
  readonly #accounts = new Map<string, AccountChain>();
  readonly #watchers = new Set<EndedWatcher>();
  #oldest: Entry | undefined;
  #newest: Entry | undefined;

  constructor(deps: RecentDeps) {
    this.#deps = deps;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#byId.size;
  }

  arrived(arrival: Arrival): void {
    const { clock } = this.#deps;
    this.#add(arrival, clock.wallTime() - (clock.now() - arrival.arrivedAt));
  }

  settled(record: RequestRecord, outcome: Outcome<SentAttempt>): void {
    const entry = this.#byId.get(record.request.id);
    if (entry !== undefined) this.#end(entry, factsOf(record, outcome, this.#deps.clock.now()));
  }

  refused(arrival: Arrival, error: HearthError): void {
    const entry = this.#byId.get(arrival.id);
    if (entry !== undefined) this.#end(entry, factsBefore(arrival, error, this.#deps.clock.now()));
  }

  left(id: RequestId): void {
    const entry = this.#byId.get(id);
    if (entry?.running === undefined) return;
    // Of one that was admitted the end is still to be told.
    if (entry.running.progress.record === undefined) this.#remove(entry);
  }

  /** Newest first. */
  list({ limit, after, ...filter }: TimelinePage): readonly Timeline[] {
    const found: Timeline[] = [];
    for (const entry of this.#behind(filter.account, after)) {
      if (found.length >= limit) break;
      const timeline = this.#timelineOf(entry);
      if (matches(timeline, filter)) found.push(timeline);
    }
    return found;
  }

  /** Everybody's that have come since then, newest first. @param fromMs wall-clock ms */
  *since(fromMs: number): IterableIterator<Timeline> {
    for (const entry of this.#behind(undefined, undefined)) {
      if (entry.atMs < fromMs) return;
      yield this.#timelineOf(entry);
    }
  }

  /**
   * @param id ours, or what its caller called it: of several that are called so, the youngest
   * @param account whose it has to be; absent = anybody's
   */
  find(id: string, account?: string): Timeline | undefined {
    const entry = this.#byId.get(id) ?? this.#calledBy(id, account);
    if (entry === undefined || (account !== undefined && entry.chain.account !== account)) return undefined;
    return this.#timelineOf(entry);
  }

  /** Forgets all of an account, as far as it is over. */
  forget(account: string): void {
    let entry = this.#accounts.get(account)?.oldest;
    while (entry !== undefined) {
      const next: Entry | undefined = entry.newerOfAccount;
      if (entry.running === undefined) this.#remove(entry);
      entry = next;
    }
  }

  /** Calls `ended` with each request that is over, from now on. */
  watch(ended: EndedWatcher): Disposable {
    this.#watchers.add(ended);
    return { [Symbol.dispose]: () => this.#watchers.delete(ended) };
  }

  #calledBy(clientId: string, account: string | undefined): Entry | undefined {
    for (const entry of this.#behind(account, undefined)) if (entry.clientId === clientId) return entry;
    return undefined;
  }

  /** @returns those older than the one of this id, all where there is none of it; newest first */
  *#behind(account: string | undefined, after: string | undefined): IterableIterator<Entry> {
    const from = after === undefined ? undefined : this.#byId.get(after);
    if (after !== undefined && from === undefined) return;
    if (account === undefined) {
      for (let entry = from === undefined ? this.#newest : from.older; entry !== undefined; entry = entry.older) {
        yield entry;
      }
      return;
    }
    if (from !== undefined && from.chain.account !== account) return;
    const newest = from === undefined ? this.#accounts.get(account)?.newest : from.olderOfAccount;
    for (let entry = newest; entry !== undefined; entry = entry.olderOfAccount) yield entry;
  }

  #timelineOf(entry: Entry): Timeline {
    const { id, clientId, atMs, chain, keyId, endpoint, dialect, trace } = entry;
    return {
      id,
      clientId,
      atMs,
      account: chain.account,
      keyId,
      endpoint,
      dialect,
      trace,
      facts: entry.facts ?? this.#factsNow(entry),
    };
  }

  #factsNow({ running }: Entry): RequestFacts {
    const now = this.#deps.clock.now();
    const arrival = running as Arrival;
    const { record } = arrival.progress;
    return record === undefined ? factsBefore(arrival, undefined, now) : factsOf(record, undefined, now);
  }

  #end(entry: Entry, facts: RequestFacts): void {
    if (entry.running === undefined) return;
    entry.facts = facts;
    // It holds on to the request's body.
    entry.running = undefined;
    if (this.#watchers.size === 0) return;
    const ended = this.#timelineOf(entry);
    for (const watcher of this.#watchers) watcher(ended);
  }

  #add(arrival: Arrival, atMs: number): void {
    const { requests, accountRequests } = this.#deps.settings();
    if (requests === 0 || accountRequests === 0) return;
    const { account } = arrival.principal;
    let chain = this.#accounts.get(account);
    if (chain === undefined) {
      chain = new AccountChain(account);
      this.#accounts.set(account, chain);
    }
    const entry = new Entry(arrival, atMs, chain);
    this.#byId.set(entry.id, entry);
    this.#append(entry);
    while (chain.size > accountRequests && chain.oldest !== undefined) this.#remove(chain.oldest);
    while (this.#byId.size > requests && this.#oldest !== undefined) this.#remove(this.#oldest);
  }

  #append(entry: Entry): void {
    const { chain } = entry;
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    entry.olderOfAccount = chain.newest;
    if (chain.newest === undefined) chain.oldest = entry;
    else chain.newest.newerOfAccount = entry;
    chain.newest = entry;
    chain.size += 1;
  }

  #remove(entry: Entry): void {
    const { chain, older, newer, olderOfAccount, newerOfAccount } = entry;
    this.#byId.delete(entry.id);
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (olderOfAccount === undefined) chain.oldest = newerOfAccount;
    else olderOfAccount.newerOfAccount = newerOfAccount;
    if (newerOfAccount === undefined) chain.newest = olderOfAccount;
    else newerOfAccount.olderOfAccount = olderOfAccount;
    chain.size -= 1;
    if (chain.size === 0) this.#accounts.delete(chain.account);
  }
}

function matches({ facts }: Timeline, { model, provider, outcome }: TimelineFilter): boolean {
  if (outcome !== undefined && facts.outcome !== outcome) return false;
  if (model !== undefined && facts.model !== model && facts.dispatch?.winner?.model !== model) return false;
  return provider === undefined || facts.dispatch?.attempts.some((each) => each.provider === provider) === true;
}
