import type { Binding, RequestSealer, sealRequest } from "@hearth/e2e";
import { DATA_HEADER_BYTES, LIMITS, type ProviderId, writeDataHeader } from "@hearth/protocol";
import type { ProviderSession, SealedRequest } from "../fleet/provider-session.js";
import { HearthError } from "../platform/errors.js";
import type { Ids } from "../platform/ids.js";
import type { Picker, PickResult } from "../selection/picker.js";
import type { Traits } from "../selection/traits.js";
import { type AttemptEnd, ProviderAttempt } from "./attempt.js";
import type { OutboundRequest } from "./outbound-request.js";
import type { AttemptRole, StartResult } from "./types.js";

export interface OpenAttemptDeps {
  readonly picker: Picker;
  readonly session: (id: ProviderId) => ProviderSession | undefined;
  readonly ids: Ids;
  /** `sealRequest` of `@hearth/e2e`; the simulator puts cheap primitives under it. */
  readonly seal: typeof sealRequest;
  readonly observer: AttemptObserver;
}

/** Watches attempts come and go: metrics, headers and logs live on the other side of it. */
export interface AttemptObserver {
  started(role: AttemptRole, provider: ProviderSession, attempt: ProviderAttempt): void;
  ended(attempt: ProviderAttempt, end: AttemptEnd): void;
}

/**
 * Pick → seal → send, anew for each attempt, because the choice and the key both depend on the provider. A provider
 * is tried once a request. Every failure after the send becomes an event of the attempt.
 */
export function openAttempt(
  deps: OpenAttemptDeps,
  request: OutboundRequest,
  traits: Traits,
): (role: AttemptRole) => StartResult {
  const tried = new Set<ProviderId>();
  return (role) => {
    for (;;) {
      const pick = deps.picker.pick(traits, tried);
      if (pick.type !== "picked") return { type: "unavailable", error: errorOf(pick) };
      tried.add(pick.provider);
      const attempt = send(deps, request, pick, role);
      if (attempt !== undefined) return { type: "started", attempt };
      pick.lease[Symbol.dispose]();
    }
  };
}

type Picked = Extract<PickResult, { type: "picked" }>;

function send(
  deps: OpenAttemptDeps,
  request: OutboundRequest,
  pick: Picked,
  role: AttemptRole,
): ProviderAttempt | undefined {
  const session = deps.session(pick.provider);
  if (session === undefined) return undefined;
  const id = deps.ids.attempt();
  const sealer = sealerFor(deps, session, { requestId: request.id, attemptId: id });
  if (sealer === undefined) return undefined;
  const form = request.form(session.models.get(request.model)?.dialects ?? []);
  const attempt = new ProviderAttempt({
    id,
    provider: session.id,
    form,
    opener: sealer.response,
    ended: (end) => {
      pick.lease[Symbol.dispose]();
      deps.observer.ended(attempt, end);
    },
    violated: (reason) => session.close(reason),
  });
  const sealed: SealedRequest = {
    opening: {
      request_id: request.id,
      attempt_id: id,
      model: request.model,
      dialect: form.dialect,
      delivery: request.delivery,
      key_id: session.encryptionKey.keyId,
      encapsulated_key: Buffer.from(sealer.encapsulatedKey).toString("base64url"),
      body_bytes: form.body.length,
    },
    frames: (stream) => sealBody(sealer, form.body, stream),
  };
  const stream = session.openStream(sealed, attempt);
  if (stream === undefined) return undefined;
  attempt.attach(stream);
  deps.observer.started(role, session, attempt);
  return attempt;
}

/** A key that yields no usable secret (a low-order point) is an attack or a broken agent: it gets nothing. */
function sealerFor({ seal }: OpenAttemptDeps, session: ProviderSession, binding: Binding): RequestSealer | undefined {
  try {
    return seal({ publicKey: session.encryptionKey.publicKey, binding });
  } catch {
    session.close("untrusted");
    return undefined;
  }
}

function sealBody(sealer: RequestSealer, body: Uint8Array, stream: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const chunks = Math.max(1, Math.ceil(body.length / LIMITS.requestChunkBytes));
  for (let seq = 0; seq < chunks; seq++) {
    const final = seq === chunks - 1;
    const chunk = body.subarray(seq * LIMITS.requestChunkBytes, (seq + 1) * LIMITS.requestChunkBytes);
    const frame = sealer.seal(chunk, final, DATA_HEADER_BYTES);
    writeDataHeader(frame, { kind: "request", stream, seq, final });
    frames.push(frame);
  }
  return frames;
}

function errorOf(pick: Exclude<PickResult, Picked>): HearthError {
  if (pick.type === "unavailable") return pick.error;
  return new HearthError("no_provider", "All providers of this model are busy.", { retryAfterSeconds: 2 });
}
