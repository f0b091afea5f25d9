import { type ControlFrame, type CoordinatorFrame, decodeCoordinatorFrame, encodeControl } from "@hearth/protocol";
import type { AttemptRecord, ConnectionRecord } from "./journal.js";
import type { Random } from "./random.js";
import type { ProviderPlan } from "./scenario.js";
import { SimSocket } from "./socket.js";
import type { World } from "./world.js";

const ACK = '{"type":"heartbeat_ack"';

export interface ConnectionHandlers {
  frame(frame: CoordinatorFrame): void;
  data(bytes: Uint8Array): void;
  closed(): void;
}

/** A provider's connection: the wire, with what crosses it written down. */
export class Connection {
  readonly record: ConnectionRecord;
  readonly #world: World;
  readonly #socket: SimSocket;
  readonly #byStream = new Map<number, AttemptRecord>();
  /** Control frames on their way, read once. */
  readonly #frames = new Map<string, CoordinatorFrame>();

  constructor(world: World, plan: ProviderPlan, random: Random) {
    this.#world = world;
    this.record = {
      provider: plan.index,
      session: undefined,
      openAttempts: new Set(),
      guilty: false,
      over: undefined,
      overAt: undefined,
      closeCode: undefined,
    };
    world.journal.connections.add(this.record);
    this.#socket = new SimSocket(
      { time: world.time, random, latencyMs: plan.latencyMs, jitterMs: plan.jitterMs },
      {
        sent: (data) => this.#sent(data),
        over: (why, code) => {
          this.record.closeCode = code;
          world.journal.endConnection(this.record, why, world.time.now());
          world.trace(
            `p${plan.index}: connection ${why.replaceAll("_", " ")}${code === undefined ? "" : ` (${code})`}`,
          );
        },
      },
    );
  }

  /** Reaches the coordinator. */
  open(handlers: ConnectionHandlers): void {
    this.#socket.connectPeer({
      message: (data) => {
        if (typeof data !== "string") return handlers.data(data);
        const frame = this.#frames.get(data);
        this.#frames.delete(data);
        if (frame !== undefined) handlers.frame(frame);
      },
      closed: () => handlers.closed(),
    });
    this.#world.accept(this.#socket, this.record);
  }

  send(frame: ControlFrame, arrives?: () => void): void {
    this.#socket.peerSend(encodeControl(frame), arrives);
  }

  sendRaw(data: string | Uint8Array, arrives?: () => void): void {
    this.#socket.peerSend(data, arrives);
  }

  close(): void {
    this.#socket.peerClose();
  }

  goHalfOpen(): void {
    this.record.guilty = true;
    this.#socket.halfOpen = true;
  }

  attemptOf(stream: number): AttemptRecord | undefined {
    return this.#byStream.get(stream);
  }

  #sent(data: string | Uint8Array): void {
    // It means nothing here, and is sent more often than all else.
    if (typeof data !== "string" || data.startsWith(ACK)) return;
    const decoded = decodeCoordinatorFrame(data);
    if (decoded.kind !== "frame") {
      this.#world.journal.find("the coordinator speaks the protocol", `it sent ${decoded.kind}`);
      return;
    }
    const { frame } = decoded;
    this.#frames.set(data, frame);
    const { journal, time } = this.#world;
    switch (frame.type) {
      case "request": {
        const attempt = this.#world.opened(frame, this.record);
        this.#byStream.set(frame.stream, attempt);
        return;
      }
      case "cancel": {
        const attempt = this.#byStream.get(frame.stream);
        if (attempt === undefined) return;
        journal.count(`cancel: ${frame.reason}`);
        attempt.cancelReason ??= frame.reason;
        if (frame.reason === "deadline") journal.letGo.push(attempt);
        journal.endAttempt(attempt, time.now());
        this.#world.trace(`${attempt.id} is cancelled: ${frame.reason}`);
        return;
      }
      case "credit": {
        const attempt = this.#byStream.get(frame.stream);
        if (attempt !== undefined) attempt.grantedBytes += frame.bytes;
        journal.count("credit");
        return;
      }
      case "registered":
      case "go_away":
      case "heartbeat_ack":
        return;
    }
  }
}
