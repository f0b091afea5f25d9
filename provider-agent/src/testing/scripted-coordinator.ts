import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type AttemptSealer, createSealingContext, type SealingContext } from "@hearth/e2e";
import {
  type CancelReason,
  CLOSE_CODES,
  type CloseReason,
  type ControlFrame,
  DATA_HEADER_BYTES,
  DATA_MARKS,
  decodeData,
  decodeProviderFrame,
  decodeRegister,
  type ErrorFrame,
  encodeControl,
  type Holding,
  LIMITS,
  type ProviderFrame,
  type RegisterFrame,
  type RequestFrame,
  SUBPROTOCOL,
  writeDataHeader,
} from "@hearth/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import { eventually } from "./eventually.js";

/** How an answer ended, as the coordinator saw it. */
export type Ending = Extract<ProviderFrame, { type: "complete" }> | ErrorFrame;

/** One request to the agent, and all that came back for it. */
export class SentRequest {
  readonly stream: number;
  /** Plaintext of each data frame, in order. */
  readonly chunks: Buffer[] = [];
  /** What each data frame was said to hold. */
  readonly holdings: Holding[] = [];
  readonly control: ProviderFrame[] = [];
  /** The frame with the final flag has come. */
  finished = false;
  ending: Ending | undefined;
  receipt: Extract<ProviderFrame, { type: "receipt" }> | undefined;
  readonly #link: AgentLink;
  readonly #sealer: AttemptSealer;

  constructor(link: AgentLink, stream: number, sealer: AttemptSealer) {
    this.#link = link;
    this.stream = stream;
    this.#sealer = sealer;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString("utf8");
  }

  /** Resolves with how it ended. */
  async end(timeoutMs?: number): Promise<Ending> {
    await eventually(() => this.ending !== undefined, timeoutMs, "the answer's end");
    return this.ending as Ending;
  }

  async received(text: string): Promise<void> {
    await eventually(() => this.text.includes(text), undefined, `"${text}"`);
  }

  grant(bytes: number): void {
    this.#link.send({ type: "credit", stream: this.stream, bytes });
  }

  cancel(reason: CancelReason = "consumer_gone"): void {
    this.#link.send({ type: "cancel", stream: this.stream, reason });
  }

  /** The backend's error body, opened. */
  errorBody(): unknown {
    const ending = this.ending;
    if (ending?.type !== "error" || ending.sealed_body === undefined) return undefined;
    const sealed = Buffer.from(ending.sealed_body, "base64url");
    return JSON.parse(Buffer.from(this.#sealer.response.open(sealed, this.chunks.length, true)).toString("utf8"));
  }

  data(message: Buffer): void {
    const frame = decodeData(message);
    if (frame?.kind !== "response") throw new Error("not a response frame");
    if (this.finished || this.ending) throw new Error("a data frame after the end");
    const { ciphertext, seq, final, holds } = frame;
    this.chunks.push(Buffer.from(this.#sealer.response.open(ciphertext, seq, final, DATA_MARKS[holds])));
    this.holdings.push(holds);
    this.finished = frame.final;
  }

  frame(frame: ProviderFrame): void {
    if (frame.type === "receipt") {
      if (this.ending?.type !== "complete" || this.receipt) throw new Error("a receipt out of turn");
      this.receipt = frame;
      return;
    }
    if (this.ending) throw new Error(`${frame.type} after the end`);
    this.control.push(frame);
    if (frame.type === "complete" || frame.type === "error") this.ending = frame;
    if (frame.type === "complete" && !this.finished) throw new Error("complete without the final frame");
  }
}

export interface RequestOptions extends Partial<Omit<RequestFrame, "type">> {
  /** Where to cut the body, plaintext bytes. */
  readonly chunkBytes?: number;
}

/** One agent's connection. */
export class AgentLink {
  readonly socket: WebSocket;
  readonly frames: ProviderFrame[] = [];
  readonly requests = new Map<number, SentRequest>();
  register: RegisterFrame | undefined;
  closed: number | undefined;
  /** What the agent did that the protocol does not allow. */
  problem: unknown;
  #nextStream = 1;
  #attempts = 0;
  #context: { readonly keyId: string; readonly sealing: SealingContext } | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("close", (code) => {
      this.closed = code;
    });
  }

  send(frame: ControlFrame): void {
    this.socket.send(encodeControl(frame));
  }

  close(reason: CloseReason): void {
    this.socket.close(CLOSE_CODES[reason], reason);
  }

  /** Seals a request to the agent's key and sends it. */
  request(body: unknown, { chunkBytes = LIMITS.requestChunkBytes, ...options }: RequestOptions = {}): SentRequest {
    const stream = options.stream ?? this.#nextStream++;
    const plaintext = Buffer.from(JSON.stringify(body));
    // A stream id may be used twice by a test, an attempt id never.
    this.#attempts += 1;
    const binding = { requestId: `request-${stream}`, attemptId: `attempt-${this.#attempts}` };
    const key = this.register?.encryption_key;
    if (key === undefined) throw new Error("not registered");
    const context = this.#contextFor(key);
    const sealer = context.attempt(binding);
    const sent = new SentRequest(this, stream, sealer);
    this.requests.set(stream, sent);
    this.send({
      type: "request",
      stream,
      request_id: binding.requestId,
      attempt_id: binding.attemptId,
      model: (body as { readonly model?: string }).model ?? "m",
      dialect: "chat_completions",
      delivery: "interactive",
      context_id: context.contextId,
      body_bytes: plaintext.length,
      ...options,
    });
    for (let at = 0, seq = 0; at < plaintext.length; at += chunkBytes, seq++) {
      const final = at + chunkBytes >= plaintext.length;
      const frame = sealer.seal(plaintext.subarray(at, at + chunkBytes), final, DATA_HEADER_BYTES);
      writeDataHeader(frame, { kind: "request", stream, seq, final, holds: "body" });
      this.socket.send(frame);
    }
    return sent;
  }

  /** Sets a new context up, in place of the one before. */
  renewContext(key: RegisterFrame["encryption_key"]): SealingContext {
    const sealing = createSealingContext(Buffer.from(key.public_key, "base64url"));
    const replaces = this.#context?.sealing.contextId;
    this.send({
      type: "sealing_context",
      context_id: sealing.contextId,
      key_id: key.key_id,
      encapsulated_key: Buffer.from(sealing.encapsulatedKey).toString("base64url"),
      ...(replaces === undefined ? {} : { replaces }),
    });
    this.#context = { keyId: key.key_id, sealing };
    return sealing;
  }

  #contextFor(key: RegisterFrame["encryption_key"]): SealingContext {
    const held = this.#context;
    return held?.keyId === key.key_id ? held.sealing : this.renewContext(key);
  }

  message(data: Buffer, isBinary: boolean): void {
    try {
      if (isBinary) this.requests.get(data.readUInt32BE(1))?.data(data);
      else this.#control(data.toString("utf8"));
    } catch (problem) {
      this.problem ??= problem;
    }
  }

  #control(text: string): void {
    const decoded = decodeProviderFrame(text);
    if (decoded.kind !== "frame") throw new Error(`the agent sent something ${decoded.kind}`);
    this.frames.push(decoded.frame);
    if ("stream" in decoded.frame) this.requests.get(decoded.frame.stream)?.frame(decoded.frame);
  }
}

export interface CoordinatorScript {
  /** Sees a connection before anything has come over it. */
  readonly connected?: (link: AgentLink) => void;
  /** Answers a registration; by default it is let in. */
  readonly registered?: (link: AgentLink) => void;
  readonly heartbeatIntervalMs?: number;
}

/** A coordinator that speaks the real protocol over real sockets, and does what a test says. */
export class ScriptedCoordinator implements AsyncDisposable {
  readonly links: AgentLink[] = [];
  script: CoordinatorScript;
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer, script: CoordinatorScript) {
    this.#server = server;
    this.script = script;
    server.on("connection", (socket) => this.#connected(socket));
  }

  /** @param port 0 = any */
  static async start(script: CoordinatorScript = {}, port = 0): Promise<ScriptedCoordinator> {
    const server = new WebSocketServer({ host: "127.0.0.1", port, handleProtocols: () => SUBPROTOCOL });
    await once(server, "listening");
    return new ScriptedCoordinator(server, script);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws/provider`;
  }

  /** The newest connection, once it is registered and serves models. */
  async agent(count = 1, timeoutMs?: number): Promise<AgentLink> {
    const ready = (): AgentLink | undefined =>
      this.links.length >= count ? this.links.find((link, i) => i >= count - 1 && link.register) : undefined;
    await eventually(() => ready() !== undefined, timeoutMs, `registration ${count}`);
    return ready() as AgentLink;
  }

  letIn(link: AgentLink): void {
    const heartbeat_interval_ms = this.script.heartbeatIntervalMs ?? LIMITS.heartbeatIntervalMs;
    link.send({ type: "registered", version: 2, provider_id: "p", heartbeat_interval_ms });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
    const problem = this.links.find((link) => link.problem !== undefined)?.problem;
    if (problem !== undefined) throw problem;
  }

  #connected(socket: WebSocket): void {
    const link = new AgentLink(socket);
    this.links.push(link);
    this.script.connected?.(link);
    socket.once("message", (data) => {
      const decoded = decodeRegister(String(data));
      if (decoded.kind !== "frame") throw new Error(`register was ${decoded.kind}`);
      link.register = decoded.frame;
      socket.on("message", (more: Buffer, isBinary) => link.message(more, isBinary));
      (this.script.registered ?? ((each) => this.letIn(each)))(link);
    });
  }
}
