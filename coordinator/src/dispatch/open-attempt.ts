import type { ProofFailure } from "@hearth/attestation";
import type { AttemptSealer } from "@hearth/e2e";
import type { Clock } from "@hearth/platform";
import {
  type AttemptId,
  DATA_HEADER_BYTES,
  LIMITS,
  type ProviderId,
  type RequestId,
  writeDataHeader,
} from "@hearth/protocol";
import type { ConfirmedCancel, ProviderLink, SealedRequest } from "../fleet/provider-link.js";
import type { ClampedMember } from "../fleet/usage-bounds.js";
import type { Background } from "../platform/background.js";
import { HearthError } from "../platform/errors.js";
import type { Ids } from "../platform/ids.js";
import type { ProviderContext, ProviderContexts } from "../sealing/provider-contexts.js";
import type { Picked, Verdict } from "../selection/pick-result.js";
import type { Picker } from "../selection/picker.js";
import type { Traits, TriedProvider } from "../selection/traits.js";
import type { WaitQueue } from "../selection/wait-queue.js";
import { type AttemptEnd, type DigestFault, ProviderAttempt } from "./attempt.js";
import { LEFT_WHILE_PAUSED } from "./failures.js";
import type { Hedging } from "./hedging.js";
import type { OutboundRequest } from "./outbound-request.js";
import type { StartAttempt } from "./race.js";
import { ReceiptCheck } from "./receipt-check.js";
import type { AttemptRole, StartResult } from "./types.js";

export interface OpenAttemptDeps {
  readonly picker: Picker;
  readonly queue: WaitQueue;
  readonly hedging: Hedging;
  readonly session: (id: ProviderId) => ProviderLink | undefined;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly contexts: ProviderContexts;
  readonly observer: AttemptObserver;
  /** Where receipts are checked. */
  readonly background: Background;
  /** The machine has signed what is not true: it gets nothing for a while, also if it has left meanwhile. */
  readonly distrust: (id: ProviderId) => void;
}

/** Watches attempts come and go: metrics live on the other side of it. */
export interface AttemptObserver {
  started(role: AttemptRole): void;
  content(first: boolean, gapMs: number): void;
  receipt(outcome: "ok" | "missing" | ProofFailure): void;
  ended(role: AttemptRole, end: AttemptEnd, attempt: EndedAttempt): void;
  /** What this provider counted cannot be true, and counts as the most that can. */
  usageClamped(provider: ProviderId, members: readonly ClampedMember[]): void;
  /** This provider has answered our cancel of an attempt. */
  cancelConfirmed(provider: ProviderId, confirmed: ConfirmedCancel): void;
  /** Our own code threw over what this provider had sent. */
  undigested(provider: ProviderId, fault: DigestFault): void;
}

/** Which attempt has ended, for the books. */
export interface EndedAttempt {
  readonly requestId: RequestId;
  readonly attemptId: AttemptId;
  readonly provider: ProviderId;
  /** The build that was asked for. */
  readonly model: string;
}

/** What is to be sent, for whom, and the place that admission has taken for the first attempt. */
export interface Assignment {
  readonly request: OutboundRequest;
  readonly traits: Traits;
  readonly takePlace: () => Picked | undefined;
  /** Told of each attempt as it goes out. */
  readonly sent: (sent: SentAttempt) => void;
}

/** An attempt on its way, with how long each part of sending it took, ms. */
export interface SentAttempt {
  readonly attempt: ProviderAttempt;
  readonly role: AttemptRole;
  readonly session: ProviderLink;
  readonly routeMs: number;
  readonly encryptMs: number;
  readonly dispatchMs: number;
}

/**
 * Pick → seal → send, anew for each attempt, because the choice and the key both depend on the provider. A provider is
 * tried once a request. Every failure after the send becomes an event of the attempt.
 */
export function openAttempt(deps: OpenAttemptDeps, assignment: Assignment): StartAttempt {
  const opener = new AttemptOpener(deps, assignment);
  return (role, signal) => opener.start(role, signal);
}

class AttemptOpener {
  readonly #deps: OpenAttemptDeps;
  readonly #assignment: Assignment;
  readonly #tried = new Map<ProviderId, TriedProvider>();
  #primary: ProviderLink | undefined;

  constructor(deps: OpenAttemptDeps, assignment: Assignment) {
    this.#deps = deps;
    this.#assignment = assignment;
  }

  start(role: AttemptRole, signal: () => AbortSignal): StartResult | Promise<StartResult> {
    const { hedging } = this.#deps;
    const { traits } = this.#assignment;
    switch (role) {
      case "primary":
        hedging.primary();
        return this.#place(role, traits, signal, this.#assignment.takePlace());
      case "retry":
        hedging.retry();
        return this.#place(role, traits, signal);
      case "backup": {
        const wanted = this.#backupTraits();
        const suppressed = hedging.hedge(wanted);
        if (suppressed !== undefined) return BUSY;
        const result = this.#place(role, wanted, signal);
        if ("type" in result && result.type === "unavailable") hedging.untaken();
        return result;
      }
    }
  }

  /** Under `prefer`, a request that runs on the caller's own machine never costs money elsewhere for speed's sake. */
  #backupTraits(): Traits {
    const { traits } = this.#assignment;
    const atHome = traits.route === "prefer" && this.#primary?.account === traits.account;
    return atHome ? { ...traits, route: "self" } : traits;
  }

  #place(
    role: AttemptRole,
    traits: Traits,
    signal: () => AbortSignal,
    taken?: Picked,
  ): StartResult | Promise<StartResult> {
    const { picker, queue, clock } = this.#deps;
    for (let place = taken; ; place = undefined) {
      const startedAt = clock.now();
      const pick = place ?? picker.pick({ traits, tried: this.#tried });
      if (pick.type === "unavailable") return pick;
      if (pick.type === "queue") {
        // A backup is for speed: it takes what is free, or nothing.
        if (role === "backup") return BUSY;
        const waiting = queue.wait({ traits, tried: this.#tried, priority: "failover" }, signal());
        return waiting.then((result) => {
          if (result.type !== "picked") return result;
          if (!signal().aborted) return this.#place(role, traits, signal, result);
          giveBack(result);
          return BUSY;
        });
      }
      const started = this.#send(pick, role, startedAt);
      if (started !== undefined) return started;
    }
  }

  /** @returns `undefined` when this provider can take nothing after all: another is to be picked */
  #send(pick: Picked, role: AttemptRole, startedAt: number): StartResult | undefined {
    const { clock, session: find, observer } = this.#deps;
    const pickedAt = clock.now();
    const session = find(pick.provider);
    if (session === undefined) return giveBack(pick);
    this.#tried.set(pick.provider, this.#triedNow(session));
    const sealed = this.#trySeal(session, pick, role);
    if (sealed === undefined) return giveBack(pick);
    if ("error" in sealed) return sealed;
    const sealedAt = clock.now();
    const { attempt } = sealed;
    const stream = session.openStream(sealed.request, attempt);
    if (stream === undefined) return giveBack(pick);
    attempt.attach(stream);
    if (role !== "backup") this.#primary = session;
    observer.started(role);
    this.#assignment.sent({
      attempt,
      role,
      session,
      routeMs: pickedAt - startedAt,
      encryptMs: sealedAt - pickedAt,
      dispatchMs: clock.now() - sealedAt,
    });
    return { type: "started", attempt };
  }

  /** Rule 9: what fails in our own translation is our failure; it touches no provider, and takes no place with it. */
  #trySeal(
    session: ProviderLink,
    pick: Picked,
    role: AttemptRole,
  ): Sealed | Extract<StartResult, { type: "unavailable" }> | undefined {
    try {
      return this.#seal(session, pick, role);
    } catch (thrown) {
      giveBack(pick);
      return { type: "unavailable", error: HearthError.from(thrown) };
    }
  }

  #seal(session: ProviderLink, pick: Picked, role: AttemptRole): Sealed | undefined {
    const { request, traits } = this.#assignment;
    const attemptId = this.#deps.ids.attempt();
    const context = this.#contextOf(session);
    if (context === undefined) return undefined;
    const sealer = context.sealing.attempt({ requestId: request.id, attemptId });
    const form = request.form(session.models.get(traits.model)?.dialects ?? [], traits.model);
    const attempt = new ProviderAttempt({
      id: attemptId,
      provider: session.id,
      form,
      opener: sealer.response,
      receipts: this.#receiptsOf({ pick, session, attemptId }, form.body),
      answerTokens: request.maxTokens ?? session.models.get(traits.model)?.context_length,
      clock: this.#deps.clock,
      working: () => pick.lease.report("accept"),
      content: (first, gapMs) => this.#deps.observer.content(first, gapMs),
      ended: (end) => this.#ended({ pick, session, role, attemptId }, end),
      violated: (reason) => session.close(reason),
      unopened: () => this.#deps.contexts.forget(session),
      undigested: (fault) => this.#deps.observer.undigested(session.id, fault),
      usageClamped: (members) => this.#deps.observer.usageClamped(session.id, members),
      cancelConfirmed: (confirmed) => this.#deps.observer.cancelConfirmed(session.id, confirmed),
      retracted: () => pick.lease.judge("retraction", this.#deps.clock.now()),
    });
    const opening: SealedRequest["opening"] = {
      request_id: request.id,
      attempt_id: attemptId,
      model: traits.model,
      dialect: form.dialect,
      delivery: request.delivery,
      context_id: context.announcement.context_id,
      body_bytes: form.body.length,
    };
    const frames = (stream: number): Uint8Array[] => sealBody(sealer, form.body, stream);
    return { request: { context: context.announcement, opening, frames }, attempt };
  }

  #receiptsOf(
    {
      pick,
      session,
      attemptId,
    }: { readonly pick: Picked; readonly session: ProviderLink; readonly attemptId: AttemptId },
    body: Uint8Array,
  ): ReceiptCheck | undefined {
    if (session.proven === undefined) return undefined;
    const { background, observer } = this.#deps;
    const { id: requestId } = this.#assignment.request;
    const { model } = this.#assignment.traits;
    const advertised = (): string | null => session.models.get(model)?.weights_hash ?? null;
    const { batches } = session.proven;
    return new ReceiptCheck(
      { batches, requestId, attemptId, model, advertised, body },
      {
        background,
        checked: (outcome) => {
          observer.receipt(outcome);
          if (outcome !== "ok" && outcome !== "missing") this.#caught(pick, session);
        },
        undigested: (sizeBytes, thrown) => observer.undigested(session.id, { what: "receipt", sizeBytes, thrown }),
      },
    );
  }

  /** An answer may come without a receipt, never with a false one: it is out by now, and its provider is fenced. */
  #caught(pick: Picked, session: ProviderLink): void {
    pick.lease.judge("retraction", this.#deps.clock.now());
    this.#deps.distrust(session.id);
    session.close("untrusted");
  }

  /** A key that yields no usable secret (a low-order point) is an attack or a broken agent: it gets nothing. */
  #contextOf(session: ProviderLink): ProviderContext | undefined {
    try {
      return this.#deps.contexts.of(session, session.encryptionKey);
    } catch {
      session.close("untrusted");
      return undefined;
    }
  }

  #triedNow(link: ProviderLink): TriedProvider {
    const { connectedAt, agentVersion } = link;
    const { context_length: contextLength, backend } = link.models.get(this.#assignment.traits.model) ?? {};
    const times = (this.#tried.get(link.id)?.times ?? 0) + 1;
    return { connectedAt, agentVersion, backend: backend?.kind, contextLength, state: "running", times };
  }

  #ended({ pick, session, role, attemptId }: Ended, end: AttemptEnd): void {
    const verdict = verdictOf(end);
    const tried = this.#tried.get(session.id);
    if (tried !== undefined && verdict !== "neutral") this.#tried.set(session.id, { ...tried, state: "failed" });
    // Nobody has tried a machine that left because we stood still: it may serve when it is back.
    if (end.type === "failed" && end.failure === LEFT_WHILE_PAUSED) this.#tried.delete(session.id);
    if (verdict === "success") pick.lease.report("accept");
    // Nobody's fault, but another could have done it: a machine that only ever says so has no room in fact.
    if (end.type === "failed" && !end.failure.faulty && end.failure.retryable) pick.lease.report("refusal");
    else pick.lease.judge(verdict, this.#deps.clock.now());
    pick.lease[Symbol.dispose]();
    const { id: requestId } = this.#assignment.request;
    const { model } = this.#assignment.traits;
    this.#deps.observer.ended(role, end, { requestId, attemptId, provider: session.id, model });
  }
}

interface Ended {
  readonly pick: Picked;
  readonly session: ProviderLink;
  readonly role: AttemptRole;
  readonly attemptId: AttemptId;
}

interface Sealed {
  readonly request: SealedRequest;
  readonly attempt: ProviderAttempt;
}

function giveBack(pick: Picked): undefined {
  pick.lease.judge("neutral", 0);
  pick.lease[Symbol.dispose]();
  return undefined;
}

const BUSY: StartResult = {
  type: "unavailable",
  error: new HearthError("no_provider", "All providers of this model are busy.", { retryAfterSeconds: 2 }),
};

/** What the end of an attempt says about its provider. */
function verdictOf(end: AttemptEnd): Verdict {
  switch (end.type) {
    case "completed":
      return "success";
    case "failed":
      return end.failure.faulty
        ? { confirmed: true, connectionLost: end.failure.code === "connection_lost" }
        : "neutral";
    case "cancelled":
      // We gave up on it because it had been silent for too long.
      return end.reason === "deadline" || end.reason === "stalled" ? "late" : "neutral";
  }
}

function sealBody(sealer: AttemptSealer, body: Uint8Array, stream: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const chunks = Math.max(1, Math.ceil(body.length / LIMITS.requestChunkBytes));
  for (let seq = 0; seq < chunks; seq++) {
    const final = seq === chunks - 1;
    const chunk = body.subarray(seq * LIMITS.requestChunkBytes, (seq + 1) * LIMITS.requestChunkBytes);
    const frame = sealer.seal(chunk, final, DATA_HEADER_BYTES);
    writeDataHeader(frame, { kind: "request", stream, seq, final, holds: "body" });
    frames.push(frame);
  }
  return frames;
}
