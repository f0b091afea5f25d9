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
import type { Background } from "../platform/background.js";
import type { ClampedMember } from "../platform/clamped-members.js";
import { HearthError } from "../platform/errors.js";
import type { Ids } from "../platform/ids.js";
import { spanIdOf, type TraceContext, writeTraceparent } from "../platform/trace-context.js";
import type { ProviderContext, ProviderContexts } from "../sealing/provider-contexts.js";
import type { Evidence, Observation } from "../selection/evidence/evidence.js";
import type { Picked } from "../selection/pick-result.js";
import type { Shape, Traits } from "../selection/traits.js";
import { ProviderAttempt } from "./attempt.js";
import type { AttemptEnd, DigestFault } from "./attempt-deps.js";
import { isRefusal } from "./failures.js";
import type { ModelAbilities, OutboundForm, OutboundRequest } from "./outbound-request.js";
import { ReceiptCheck } from "./receipt-check.js";
import { SentAttempt } from "./sent-attempt.js";
import type { AttemptRole } from "./types.js";

export interface SendDeps {
  readonly ids: Ids;
  readonly clock: Clock;
  readonly contexts: ProviderContexts;
  readonly observer: AttemptObserver;
  readonly evidence: Evidence;
  /** Where receipts are checked. */
  readonly background: Background;
  /** The machine has signed something false: it gets no requests for a while, even if it has left in the meantime. */
  readonly distrust: (id: ProviderId) => void;
}

/** Told of every attempt's course, for metrics and logs. */
export interface AttemptObserver {
  started(role: AttemptRole): void;
  content(first: boolean, gapMs: number): void;
  receipt(outcome: "ok" | "missing" | ProofFailure): void;
  ended(role: AttemptRole, end: AttemptEnd, attempt: EndedAttempt): void;
  /** This provider reported impossible token counts. They count as the most that is possible. */
  usageClamped(provider: ProviderId, members: readonly ClampedMember[]): void;
  /** This provider has confirmed our cancel of an attempt. */
  cancelConfirmed(provider: ProviderId, confirmed: ConfirmedCancel): void;
  /** Our own code threw while it handled what this provider had sent. */
  undigested(provider: ProviderId, fault: DigestFault): void;
}

/** Names an attempt that has ended. */
export interface EndedAttempt {
  readonly requestId: RequestId;
  readonly attemptId: AttemptId;
  readonly provider: ProviderId;
  /** The version of its agent. */
  readonly version: string;
  /** The build that was asked for. */
  readonly model: string;
  readonly shape: Shape;
  /** From its sending to its end. */
  readonly elapsedMs: number;
  /** Bytes of its answer that had come, opened. */
  readonly answerBytes: number;
}

/** A leased slot, and the attempt that it is for. */
export interface Leased {
  readonly pick: Picked;
  /** The request's traits, with the build that is asked for as the model. */
  readonly traits: Traits;
  readonly role: AttemptRole;
}

/** All that is needed to send one attempt. */
export interface Sendable extends Leased {
  readonly link: ProviderLink;
  readonly request: OutboundRequest;
  /** Absent = nobody traces it. */
  readonly trace?: TraceContext | undefined;
  /** How long the search for a provider took, ms. */
  readonly routeMs: number;
  /** The attempt has ended. Its slot is given back right after. */
  readonly left: (sent: SentAttempt, end: AttemptEnd) => void;
}

/**
 * Writes the request in the provider's dialect, seals it and sends it.
 *
 * @returns an error that is our own fault (rule 10); `undefined` when this provider can take nothing after all
 */
export function sendAttempt(deps: SendDeps, sendable: Sendable): SentAttempt | HearthError | undefined {
  try {
    return sealAndSend(deps, sendable);
  } catch (thrown) {
    return HearthError.from(thrown);
  }
}

/** @throws errors of our own translation or sealing */
function sealAndSend(deps: SendDeps, sendable: Sendable): SentAttempt | undefined {
  const { clock } = deps;
  const startedAt = clock.now();
  const sealed = new AttemptSender(deps, sendable).seal();
  if (sealed === undefined) return undefined;
  const sealedAt = clock.now();
  const { sent } = sealed;
  const stream = sendable.link.openStream(sealed.request, sent.attempt);
  if (stream === undefined) return undefined;
  sent.attempt.attach(stream);
  sealed.observe();
  const { routeMs } = sendable;
  sent.times = { routeMs, encryptMs: sealedAt - startedAt, dispatchMs: clock.now() - sealedAt };
  return sent;
}

interface Sealed {
  readonly request: SealedRequest;
  readonly sent: SentAttempt;
  /** To be called when the request is on its way: from then on its times are evidence of the machine's speed. */
  readonly observe: () => void;
}

class AttemptSender {
  readonly #deps: SendDeps;
  readonly #of: Sendable;
  readonly #id: AttemptId;
  readonly #sentAt: number;
  #observation: Observation | undefined;

  constructor(deps: SendDeps, sendable: Sendable) {
    this.#deps = deps;
    this.#of = sendable;
    this.#id = deps.ids.attempt();
    this.#sentAt = deps.clock.now();
  }

  /** @throws errors of our own translation */
  seal(): Sealed | undefined {
    const { request, link, traits, trace } = this.#of;
    const context = this.#context();
    if (context === undefined) return undefined;
    const sealer = context.sealing.attempt({ requestId: request.id, attemptId: this.#id });
    const form = request.form(abilitiesOf(link, traits.model), traits.model);
    const opening: SealedRequest["opening"] = {
      request_id: request.id,
      attempt_id: this.#id,
      model: traits.model,
      dialect: form.dialect,
      delivery: request.delivery,
      context_id: context.announcement.context_id,
      body_bytes: form.body.length,
      ...(trace && { traceparent: writeTraceparent(trace, spanIdOf(this.#id)) }),
    };
    const frames = (stream: number): Uint8Array[] => sealBody(sealer, form.body, stream);
    const tokens = traits.promptTokens + traits.maxTokens;
    const sealed = { context: context.announcement, opening, tokens, frames };
    const sent = this.#sent(sealer, form);
    const observe = (): void => {
      if (sent.ending === undefined) this.#observation = this.#deps.evidence.observe(link, traits);
    };
    return { request: sealed, sent, observe };
  }

  #sent(sealer: AttemptSealer, form: OutboundForm): SentAttempt {
    const { request, link, pick, traits, role } = this.#of;
    const { clock, contexts, observer } = this.#deps;
    const { model } = traits;
    const confirming: Confirming = { sent: undefined };
    const attempt = new ProviderAttempt({
      id: this.#id,
      provider: link.id,
      form,
      opener: sealer.response,
      receipts: this.#receipts(form.body),
      answerTokens: request.maxTokens ?? link.models.get(model)?.context_length,
      clock,
      working: () => pick.lease.report("accept"),
      content: (first, gapMs) => {
        if (first) this.#observation?.content();
        observer.content(first, gapMs);
      },
      ended: (end) => this.#ended(sent, end),
      violated: (reason) => link.close(reason),
      unopened: () => contexts.forget(link),
      undigested: (fault) => observer.undigested(link.id, fault),
      usageClamped: (members) => observer.usageClamped(link.id, members),
      cancelConfirmed: whenConfirmed(confirming, link.id, observer),
      retracted: () => pick.lease.judge("retraction", clock.now()),
    });
    const { lease, expectation, score } = pick;
    const sent = new SentAttempt({ attempt, role, model, link, lease, expectation, score });
    confirming.sent = sent;
    return sent;
  }

  #receipts(body: Uint8Array): ReceiptCheck | undefined {
    const { link, request, traits } = this.#of;
    if (link.proven === undefined) return undefined;
    const { background, observer } = this.#deps;
    const { model } = traits;
    const advertised = (): string | null => link.models.get(model)?.weights_hash ?? null;
    const { batches } = link.proven;
    return new ReceiptCheck(
      { batches, requestId: request.id, attemptId: this.#id, model, advertised, body },
      {
        background,
        checked: (outcome) => {
          observer.receipt(outcome);
          if (outcome !== "ok" && outcome !== "missing") this.#caught();
        },
        undigested: (sizeBytes, thrown) => observer.undigested(link.id, { what: "receipt", sizeBytes, thrown }),
      },
    );
  }

  /** A missing receipt is allowed, a false one is not. The answer is out by now; its provider gets no more requests. */
  #caught(): void {
    const { pick, link } = this.#of;
    pick.lease.judge("false_receipt", this.#deps.clock.now());
    this.#deps.distrust(link.id);
    link.close("untrusted");
  }

  /** A key that yields no usable secret (a low-order point) means an attack or a broken agent: it gets no request. */
  #context(): ProviderContext | undefined {
    const { link } = this.#of;
    try {
      return this.#deps.contexts.of(link, link.encryptionKey);
    } catch {
      link.close("untrusted");
      return undefined;
    }
  }

  /** Gives the slot back. What the attempt says about its provider is judged when the whole request has ended. */
  #ended(sent: SentAttempt, end: AttemptEnd): void {
    const { pick, link, request, traits, role, left } = this.#of;
    const { observer, clock } = this.#deps;
    sent.ending = { end, at: clock.now() };
    this.#observation?.ended(...taught(end));
    if (end.type === "completed") pick.lease.report("accept");
    if (end.type === "failed" && isRefusal(end.failure) && end.failure.apart !== true) pick.lease.report("refusal");
    left(sent, end);
    pick.lease[Symbol.dispose]();
    observer.ended(role, end, {
      requestId: request.id,
      attemptId: this.#id,
      provider: link.id,
      version: link.agentVersion,
      model: traits.model,
      shape: traits.shape,
      elapsedMs: clock.now() - this.#sentAt,
      answerBytes: sent.attempt.answerBytes,
    });
  }
}

function abilitiesOf({ models }: ProviderLink, build: string): ModelAbilities {
  const advert = models.get(build);
  return {
    dialects: advert?.dialects ?? [],
    systemAnywhere: advert?.system_anywhere,
    turnsAnywhere: advert?.turns_anywhere,
    vision: advert?.capabilities.vision,
    backend: advert?.backend?.kind,
  };
}

interface Confirming {
  sent: SentAttempt | undefined;
}

/** Outside the class, so that it keeps nothing of the request in memory: a confirmation may take half a minute. */
function whenConfirmed(
  confirming: Confirming,
  provider: ProviderId,
  observer: AttemptObserver,
): (confirmed: ConfirmedCancel) => void {
  return (confirmed) => {
    if (confirming.sent !== undefined) confirming.sent.spent = confirmed.spent;
    observer.cancelConfirmed(provider, confirmed);
  };
}

/** The end of an attempt in the terms of evidence about its machine's speed. */
function taught(end: AttemptEnd): Parameters<Observation["ended"]> {
  switch (end.type) {
    case "completed":
      return ["completed", end.usage];
    case "failed":
      return ["failed"];
    case "cancelled":
      return [end.reason === "lost_race" ? "lost_race" : "given_up"];
  }
}

/** Gives back a slot to which nothing was sent. */
export function giveBack(pick: Picked): undefined {
  pick.lease.judge("neutral", 0);
  pick.lease[Symbol.dispose]();
  return undefined;
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
