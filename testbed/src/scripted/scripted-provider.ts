import { once } from "node:events";
import { type EncryptionKeyPair, generateKeyPair, type RequestOpener } from "@hearth/e2e";
import {
  type ControlFrame,
  decodeCoordinatorFrame,
  decodeData,
  encodeControl,
  type HeartbeatAckFrame,
  type ModelAdvert,
  type RegisterFrame,
  type RequestFrame,
  type Slot,
  SUBPROTOCOL,
} from "@hearth/protocol";
import { WebSocket } from "ws";
import { until } from "./answers.js";
import type { AttestingMachine } from "./attesting-machine.js";
import { OpeningContexts } from "./opening-contexts.js";
import { ScriptedStream } from "./scripted-stream.js";

/** What a scripted provider does with one request. It may stall, lie, or break the protocol: that is its use. */
export type Script = (stream: ScriptedStream) => void | Promise<void>;

export interface ScriptedProviderOptions {
  readonly url: string;
  readonly token: string;
  readonly script: Script;
  readonly name?: string;
  readonly models?: readonly (Partial<ModelAdvert> & { readonly id: string })[];
  /** Unless given, each model is in memory and idle; `[]` = nothing is said of them. */
  readonly slots?: readonly Slot[];
  readonly version?: string;
  /** Keep it to come back as the same machine. */
  readonly identity?: string;
  readonly register?: Partial<RegisterFrame>;
  /** Proves itself; absent = it does not attest. */
  readonly machine?: AttestingMachine;
  /** In place of the right answer to a challenge. */
  readonly onChallenge?: (challenge: string, provider: ScriptedProvider) => void | Promise<void>;
}

const ONE_MODEL: NonNullable<ScriptedProviderOptions["models"]> = [{ id: "m" }];

interface Gathering {
  readonly frame: RequestFrame;
  readonly opener: RequestOpener;
  readonly parts: Uint8Array[];
}

/** Requests that these have got, all together. */
export const dispatched = (providers: readonly ScriptedProvider[]): number =>
  providers.reduce((sum, { streams }) => sum + streams.length, 0);

/** How long to wait for the answer to a heartbeat that may have none, ms. */
const IN_TURN_WAIT_MS = 1_000;

/** A provider that speaks the real protocol over a real socket and does what its script says. */
export class ScriptedProvider {
  readonly socket: WebSocket;
  readonly streams: ScriptedStream[] = [];
  readonly received: { readonly type: string }[] = [];
  /** Everything that crossed the socket, both ways, as the bytes that a listener on the wire would see. */
  readonly wire: Buffer[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  id = "";
  readonly #options: ScriptedProviderOptions;
  #keys: EncryptionKeyPair;
  readonly #allKeys: EncryptionKeyPair[] = [];
  readonly #contexts = new OpeningContexts();
  readonly #gathering = new Map<number, Gathering>();
  readonly #open = new Map<number, ScriptedStream>();
  #onRegistered: () => void = () => {};

  private constructor(options: ScriptedProviderOptions) {
    this.#options = options;
    this.#keys = generateKeyPair();
    this.#allKeys.push(this.#keys);
    this.socket = new WebSocket(options.url, SUBPROTOCOL, { perMessageDeflate: false });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on("error", () => {});
    this.socket.on("message", (data: Buffer, isBinary) => this.#receive(data, isBinary));
  }

  /** Connects and registers; rejects when the coordinator closes the socket instead. */
  static async connect(options: ScriptedProviderOptions): Promise<ScriptedProvider> {
    const provider = new ScriptedProvider(options);
    await once(provider.socket, "open");
    const registered = new Promise<void>((resolve) => {
      provider.#onRegistered = resolve;
    });
    provider.send(await provider.attestedFrame());
    const closed = provider.closed.then(({ code, reason }) => {
      throw new Error(`closed before registration: ${code} ${reason}`);
    });
    await Promise.race([registered, closed]);
    closed.catch(() => {});
    return provider;
  }

  /** An open socket that has not registered. */
  static async connectOnly(options: ScriptedProviderOptions): Promise<ScriptedProvider> {
    const provider = new ScriptedProvider(options);
    await once(provider.socket, "open");
    return provider;
  }

  registerFrame(): RegisterFrame {
    const { models = ONE_MODEL, version = "1.0.0", name } = this.#options;
    return {
      type: "register",
      versions: { min: 2, max: 2 },
      token: this.#options.token,
      agent: { version, ...(name === undefined ? {} : { name }) },
      identity: this.#options.identity ?? Buffer.from(this.#keys.publicKey).toString("base64url"),
      encryption_key: {
        key_id: this.#keys.keyId,
        public_key: Buffer.from(this.#keys.publicKey).toString("base64url"),
      },
      hardware: { platform: "test", arch: "test", cpu_cores: 8, memory_bytes: 64 * 2 ** 30 },
      models: models.map((model) => ({ capabilities: { tools: true }, ...model })),
      slots: [...this.#slots],
      ...this.#options.register,
    };
  }

  /** `registerFrame` with what the machine proves. */
  async attestedFrame(): Promise<RegisterFrame> {
    const { machine, register } = this.#options;
    const frame = this.registerFrame();
    if (machine === undefined) return frame;
    return { ...frame, identity: machine.identity, attestation: await machine.attest(this.#keys), ...register };
  }

  /** Answers a challenge as it should be. */
  async answerChallenge(challenge: string): Promise<void> {
    const { machine } = this.#options;
    if (machine !== undefined) this.send(await machine.answer(challenge, this.#keys));
  }

  /** Announces a new encryption key. Requests that are sealed to an older one are still opened. */
  async rotateKey(): Promise<void> {
    const { machine } = this.#options;
    this.#keys = generateKeyPair();
    this.#allKeys.push(this.#keys);
    const { keyId, publicKey } = this.#keys;
    const encryptionKey = { key_id: keyId, public_key: Buffer.from(publicKey).toString("base64url") };
    const attestation = machine === undefined ? {} : { attestation: await machine.attest(this.#keys) };
    this.send({ type: "key_update", encryption_key: encryptionKey, ...attestation });
  }

  get machine(): AttestingMachine | undefined {
    return this.#options.machine;
  }

  get key(): EncryptionKeyPair {
    return this.#keys;
  }

  get #slots(): readonly Slot[] {
    const { models = ONE_MODEL, slots } = this.#options;
    return slots ?? models.map(({ id }) => ({ model: id, state: "running", running: 0, queued: 0 }));
  }

  /** @param slots as they were registered, unless given */
  heartbeat(slots: readonly Slot[] = this.#slots, vitals: object = {}): void {
    this.send({ type: "heartbeat", slots: [...slots], ...vitals });
  }

  /** Sends a heartbeat and waits for its answer: by then it is known. */
  async beat(slots?: readonly Slot[], vitals?: object): Promise<HeartbeatAckFrame> {
    const before = this.#acks.length;
    const isAnswered = (): boolean => this.#acks.length > before;
    this.heartbeat(slots, vitals);
    // One that came in its turn, and with which there was nothing to tell, has no answer. What comes right behind has.
    await until("it is answered", isAnswered, IN_TURN_WAIT_MS).catch(() => this.heartbeat(slots, vitals));
    await until("the heartbeat is answered", isAnswered);
    return this.#acks[before] as HeartbeatAckFrame;
  }

  get #acks(): readonly HeartbeatAckFrame[] {
    return this.received.filter((frame): frame is HeartbeatAckFrame => frame.type === "heartbeat_ack");
  }

  send(frame: ControlFrame): void {
    this.sendText(encodeControl(frame));
  }

  sendText(text: string): void {
    this.wire.push(Buffer.from(text));
    this.socket.send(text);
  }

  sendBytes(bytes: Uint8Array): void {
    this.wire.push(Buffer.from(bytes));
    this.socket.send(bytes);
  }

  terminate(): void {
    this.socket.terminate();
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close(1000);
    await this.closed;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.wire.push(data);
    if (isBinary) return this.#receiveData(data);
    const decoded = decodeCoordinatorFrame(data.toString("utf8"));
    if (decoded.kind !== "frame") throw new Error(`the coordinator sent ${decoded.kind}`);
    const { frame } = decoded;
    this.received.push(frame);
    switch (frame.type) {
      case "registered":
        this.id = frame.provider_id;
        return this.#onRegistered();
      case "sealing_context":
        return this.#contexts.add(frame, this.#allKeys.find(({ keyId }) => keyId === frame.key_id) ?? this.#keys);
      case "request":
        return this.#start(frame);
      case "cancel":
        return this.#open.get(frame.stream)?.cancel(frame.reason);
      case "credit": {
        const stream = this.#open.get(frame.stream);
        if (stream) stream.creditBytes += frame.bytes;
        return;
      }
      case "challenge": {
        const { onChallenge } = this.#options;
        return void (onChallenge?.(frame.challenge, this) ?? this.answerChallenge(frame.challenge));
      }
      case "go_away":
      case "heartbeat_ack":
      case "runtime_status":
        return;
    }
  }

  #start(frame: RequestFrame): void {
    this.#gathering.set(frame.stream, { frame, opener: this.#contexts.openerOf(frame), parts: [] });
  }

  #receiveData(message: Buffer): void {
    const data = decodeData(message);
    const gathering = data && this.#gathering.get(data.stream);
    if (!data || !gathering) throw new Error("the coordinator sent a foreign data frame");
    gathering.parts.push(gathering.opener.open(data.ciphertext, data.seq, data.final));
    if (!data.final) return;
    this.#gathering.delete(data.stream);
    const body = Buffer.concat(gathering.parts).toString("utf8");
    const stream = new ScriptedStream(this, gathering.frame, gathering.opener, body);
    this.#open.set(data.stream, stream);
    this.streams.push(stream);
    void this.#options.script(stream);
  }
}
