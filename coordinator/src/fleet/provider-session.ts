import type { ProofFailure } from "@hearth/attestation";
import {
  CLOSE_CODES,
  type CloseReason,
  encodeControl,
  type HeartbeatFrame,
  type KeyUpdateFrame,
  LIMITS,
  type ProviderFrame,
  type ProviderId,
  type TrustLevel,
} from "@hearth/protocol";
import type { WebSocket } from "ws";
import type { RatedKind } from "./frame-rates.js";
import { closeReasonOf } from "./handshake.js";
import { HeartbeatNews, type NewsDeps } from "./heartbeat-news.js";
import { Liveness } from "./liveness.js";
import { MachineBacked } from "./machine-backed.js";
import { MessageReader, type ReaderHooks } from "./message-reader.js";
import type { Provider } from "./provider.js";
import type { ProviderLink, ProviderStream, SealedRequest, StreamListener } from "./provider-link.js";
import { encryptionKeyOf, type Registration } from "./registration.js";
import type { SessionEnd } from "./session-end.js";
import type { SessionRounds } from "./session-rounds.js";
import { StreamTable } from "./stream-table.js";
import { ToldContexts } from "./told-contexts.js";
import type { AttestationVerifier } from "./trust/attestation-verifier.js";
import { SessionTrust, type TrustHooks } from "./trust/session-trust.js";
import { WorkTally } from "./work-tally.js";

export interface SessionHooks {
  /** Free slots, models, vitals or status have changed. */
  updated(session: ProviderSession): void;
  closed(session: ProviderSession, reason: SessionEnd): void;
  unknownFrame(frameType: string): void;
  /** A control frame exceeded the rate of its kind. */
  overRate(kind: RatedKind): void;
  /** Our own code threw while it handled a message of `sizeBytes` that belongs to no stream. */
  undigested(session: ProviderSession, message: "data" | "control", sizeBytes: number, thrown: unknown): void;
  /** The result of a proof: of a challenge, of a new encryption key, or of a receipt that nobody awaits. */
  proved(kind: "challenge" | "key_update" | "receipt", outcome: "ok" | "missed" | "unexpected" | ProofFailure): void;
}

export interface SessionDeps extends NewsDeps {
  readonly hooks: SessionHooks;
  /** The machine has been caught at something only an attacker does. */
  readonly distrusted: (id: ProviderId) => boolean;
  /** The operator has set the machine aside: it finishes what runs. Absent = none is. */
  readonly drained?: ((id: ProviderId) => boolean) | undefined;
  readonly verifier: AttestationVerifier;
  readonly newChallenge: () => Uint8Array;
  readonly rounds: SessionRounds;
  /** How long streams may go on after `goAway`, ms. */
  readonly goAwayTimeoutMs: number;
}

/** One registered provider's connection: its state as last reported, and the streams that run on it. */
export class ProviderSession extends MachineBacked implements ProviderLink {
  readonly id: Provider["id"];
  readonly name: string | undefined;
  readonly account: string;
  readonly agentVersion: string;
  readonly hardware: Provider["hardware"];
  encryptionKey: NonNullable<Provider["encryptionKey"]>;
  readonly connectedAt: number;
  #status: Provider["status"] = "serving";
  /** What it has proved. `undefined` = it does not attest. */
  readonly proven: SessionTrust | undefined;
  readonly enrolmentId: string | undefined;
  /** How it fared in selection since its last heartbeat. */
  readonly work: WorkTally = new WorkTally();
  readonly #news: HeartbeatNews;
  readonly #socket: WebSocket;
  readonly #cork: () => void;
  readonly #deps: SessionDeps;
  /** Made for the first stream: most machines of a large fleet are idle. */
  #streamsMade: StreamTable | undefined;
  readonly #reader: MessageReader;
  readonly #liveness: Liveness;
  readonly #contexts = new ToldContexts();
  /** Set after `goAway`: the connection is closed when this timer fires. */
  #departure: Disposable | undefined;
  /** The provider has said goodbye. */
  #leaving = false;

  constructor(registration: Registration, deps: SessionDeps) {
    const { frame } = registration;
    super(frame, deps.clock);
    this.id = registration.provider;
    this.name = frame.agent.name;
    this.account = registration.holder.account;
    this.enrolmentId = registration.holder.enrolmentId;
    this.agentVersion = frame.agent.version;
    this.hardware = frame.hardware;
    this.encryptionKey = encryptionKeyOf(frame);
    this.connectedAt = deps.clock.now();
    this.#socket = registration.socket;
    this.#cork = registration.cork;
    this.#deps = deps;
    this.#news = new HeartbeatNews(this, deps);
    this.#reader = new MessageReader(deps.clock, this, this.#readerHooks());
    this.#liveness = new Liveness(this.#socket, deps.rounds.liveness, () => this.close("liveness_timeout"));
    this.#socket.on("message", this.#reader.read);
    this.#socket.on("close", () => this.#end(this.#farewell()));
    this.proven = this.#prove(registration.proved);
    this.#judgeRuntime();
  }

  get status(): Provider["status"] {
    if (this.#status !== "serving") return this.#status;
    const isSetAside = this.#deps.drained?.(this.id) === true || this.#deps.paused?.(this) !== undefined;
    return isSetAside ? "draining" : "serving";
  }

  set status(status: Provider["status"]) {
    this.#status = status;
  }

  get backlogBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get trust(): TrustLevel {
    return this.proven?.level ?? "none";
  }

  get freshUntil(): number {
    return this.proven?.freshUntil ?? Number.POSITIVE_INFINITY;
  }

  get serialHash(): string {
    return this.proven?.proof.content.serial_hash ?? "";
  }

  /** The operator's rules may have changed. */
  rulesChanged(): void {
    this.#judgeRuntime();
    this.updated();
  }

  get openStreams(): number {
    return this.#streamsMade?.size ?? 0;
  }

  /** Who hears what comes on a stream while it runs, see `StreamTable`. */
  listening(stream: number): ReturnType<StreamTable["listening"]> {
    return this.#streamsMade?.listening(stream);
  }

  get #streams(): StreamTable {
    this.#streamsMade ??= new StreamTable(this.#deps.clock, (told) => this.#sendControl(encodeControl(told)));
    return this.#streamsMade;
  }

  get untrusted(): boolean {
    return this.#deps.distrusted(this.id);
  }

  /**
   * Sends a request and routes what comes back to the listener.
   *
   * @returns `undefined` when the connection can take no request now: it is closing, or its backlog is full
   */
  openStream(request: SealedRequest, listener: StreamListener): ProviderStream | undefined {
    if (this.#socket.readyState !== this.#socket.OPEN || this.status !== "serving") return undefined;
    const stream = this.#streams.next;
    if (stream === undefined || this.backlogBytes > LIMITS.backlogStopsDispatchBytes) return undefined;
    const frames = request.frames(stream);
    const opened = this.#streams.open(listener);
    this.#cork();
    this.#tellContext(request.context);
    this.#socket.send(encodeControl({ type: "request", stream, ...request.opening }));
    for (const frame of frames) this.#socket.send(frame);
    this.#checkBacklog();
    return opened;
  }

  #tellContext(context: SealedRequest["context"]): void {
    if (!this.#contexts.isNew(context)) return;
    this.#socket.send(encodeControl({ type: "sealing_context", ...context }));
  }

  /** `goAway` was called. A new connection of the same machine does not close this one. */
  get sentAway(): boolean {
    return this.#departure !== undefined;
  }

  /** Takes over the load of an older connection of the machine, which finishes what runs. */
  succeed(older: ProviderSession): void {
    this.changed();
    older.changed();
    this.machine.succeed(older.machine);
  }

  /**
   * Asks the agent to finish what runs and to connect anew. No more requests go to this connection, which the agent
   * closes when it is done. When the time is up, the coordinator does.
   *
   * @param reconnectAfterMs how long the agent waits before it comes back, its own jitter aside
   * @param withinMs how long what runs may go on
   */
  goAway(reason: string, reconnectAfterMs: number, withinMs: number = this.#deps.goAwayTimeoutMs): void {
    if (this.status === "offline") return;
    this.status = "draining";
    this.changed();
    this.#departure ??= this.#deps.clock.setTimer(withinMs, () => this.close("going_away"));
    this.#sendControl(encodeControl({ type: "go_away", reason, reconnect_after_ms: reconnectAfterMs }));
  }

  close(reason: CloseReason): void {
    if (this.status === "offline") return;
    this.#socket.close(CLOSE_CODES[reason], reason);
    this.#end(reason);
    // A peer that never answers the close frame must not hold the socket.
    this.#deps.clock.setTimer(2_000, () => this.#socket.terminate());
  }

  #sendControl(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(text);
    this.#checkBacklog();
  }

  /** The largest body is allowed on top of the limit, since a single one may exceed the limit by itself. */
  #checkBacklog(): void {
    if (this.backlogBytes > LIMITS.backlogStopsDispatchBytes) this.changed();
    if (this.backlogBytes > LIMITS.backlogClosesBytes + LIMITS.forwardedBodyBytes) this.close("backlog_exceeded");
  }

  #readerHooks(): ReaderHooks {
    const { hooks, log } = this.#deps;
    return {
      came: () => this.#liveness.sent(),
      control: (frame) => this.#handle(frame),
      unknownFrame: (frameType) => hooks.unknownFrame(frameType),
      overRate: (kind) => hooks.overRate(kind),
      malformed: (problem) => log.warn({ provider: this.id, problem }, "malformed frame"),
      undigested: (...told) => hooks.undigested(this, ...told),
      broken: (reason) => this.close(reason),
    };
  }

  #handle(frame: ProviderFrame): void {
    switch (frame.type) {
      case "heartbeat":
        return this.#heartbeat(frame);
      case "models_update":
        this.machine.name(frame.models);
        this.#judgeRuntime();
        return this.updated();
      case "drain":
        this.#leaving = true;
        this.status = "draining";
        return this.updated();
      case "working":
        return this.#allow(this.#streams.working(frame));
      case "complete":
        return this.#allow(this.#streams.complete(frame));
      case "receipt":
        return this.#streams.receipt(frame) ? undefined : this.#deps.hooks.proved("receipt", "unexpected");
      case "error":
        return this.#allow(this.#streams.failed(frame));
      case "challenge_response":
        return this.proven === undefined ? this.close("protocol_violation") : this.proven.answer(frame);
      case "key_update":
        return this.#rotate(frame);
    }
  }

  /** A frame about a stream that was never opened violates the protocol. */
  #allow(known: boolean): void {
    if (!known) this.close("protocol_violation");
  }

  #prove(proved: Registration["proved"]): SessionTrust | undefined {
    if (proved === undefined) return undefined;
    const { clock, verifier, newChallenge, rounds, hooks } = this.#deps;
    const trustHooks: TrustHooks = {
      challenge: (challenge) => this.#sendControl(encodeControl({ type: "challenge", challenge })),
      passed: () => {
        hooks.proved("challenge", "ok");
        this.#judgeRuntime();
        this.updated();
      },
      missed: (inARow) => {
        this.changed();
        hooks.proved("challenge", "missed");
        this.#deps.log.warn({ provider: this.id, inARow }, "challenge missed");
      },
      failed: (failure) => {
        hooks.proved("challenge", failure);
        this.close(closeReasonOf(failure));
      },
    };
    const deps = { clock, verifier, newChallenge, rounds: rounds.challenges, hooks: trustHooks };
    return new SessionTrust(deps, proved.claims, proved.proof, proved.passed);
  }

  #rotate({ encryption_key: key, attestation }: KeyUpdateFrame): void {
    if ((attestation === undefined) !== (this.proven === undefined)) return this.close("protocol_violation");
    if (attestation !== undefined) {
      const announced = { keyId: key.key_id, publicKey: key.public_key };
      const failure = this.proven?.rotate(announced, attestation);
      this.#deps.hooks.proved("key_update", failure ?? "ok");
      if (failure !== undefined) return this.close(closeReasonOf(failure));
    }
    this.encryptionKey = encryptionKeyOf({ encryption_key: key });
    this.updated();
  }

  /** Compares what the machine runs with the operator's list, and tells it the verdict if that has changed. */
  #judgeRuntime(): void {
    const binaryHash = this.proven?.passed.content.posture.binary_hash ?? undefined;
    const told = this.machine.judgeRuntime(this.#deps.rules(), binaryHash);
    if (told !== undefined) this.#sendControl(encodeControl({ type: "runtime_status", ...told }));
  }

  #heartbeat(frame: HeartbeatFrame): void {
    this.machine.report(frame);
    // Before waiting requests get the slots that the heartbeat shows: the answer is about the time until now.
    const answer = this.#news.answer(this.id, this.work.take());
    if (answer !== undefined) this.#sendControl(encodeControl({ type: "heartbeat_ack", ...answer }));
    this.updated();
  }

  protected override updated(): void {
    this.changed();
    this.#deps.hooks.updated(this);
  }

  /** The end that it amounts to when the peer closes the connection. */
  #farewell(): SessionEnd {
    if (this.#leaving) return "left";
    return this.sentAway && this.openStreams === 0 ? "sent_away" : "peer_closed";
  }

  #end(reason: SessionEnd): void {
    if (this.status === "offline") return;
    this.status = "offline";
    this.changed();
    this.#socket.off("message", this.#reader.read);
    this.#liveness[Symbol.dispose]();
    this.#departure?.[Symbol.dispose]();
    this.proven?.[Symbol.dispose]();
    const listeners = this.#streamsMade?.end() ?? [];
    // Before the streams are told: when they look for another provider, this one must be known to be gone.
    this.#deps.hooks.closed(this, reason);
    for (const listener of listeners) listener.lost();
  }
}
