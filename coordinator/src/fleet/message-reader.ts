import type { Clock } from "@hearth/platform";
import { type CloseReason, decodeData, decodeProviderFrame, type ProviderFrame } from "@hearth/protocol";
import type { RawData } from "ws";
import { FrameRates, type RatedKind, ratedKind } from "./frame-rates.js";
import type { StreamTable } from "./stream-table.js";

export interface ReaderHooks {
  /** A message has come, whatever is in it. */
  came(): void;
  control(frame: ProviderFrame): void;
  unknownFrame(frameType: string): void;
  /** A control frame came over its kind's rate. */
  overRate(kind: RatedKind): void;
  /** A control frame cannot be read. */
  malformed(problem: string): void;
  /** Our own code threw over a message, `sizeBytes` long, that belongs to no stream. */
  undigested(message: "data" | "control", sizeBytes: number, thrown: unknown): void;
  /** Nothing more is to be read from that connection. */
  broken(reason: CloseReason): void;
}

/**
 * Reads what one registered provider sends: data goes to the listener of its stream, control frames no more often than
 * the rate of their kind. Nothing that is thrown gets out.
 */
export class MessageReader {
  readonly #hooks: ReaderHooks;
  readonly #streams: Pick<StreamTable, "listening">;
  readonly #rates: FrameRates;

  constructor(clock: Clock, streams: Pick<StreamTable, "listening">, hooks: ReaderHooks) {
    this.#streams = streams;
    this.#hooks = hooks;
    this.#rates = new FrameRates(clock);
  }

  /** Listens to a socket whose binary type is `nodebuffer`. */
  readonly read = (data: RawData, isBinary: boolean): void => {
    const message = data as Buffer;
    this.#hooks.came();
    // What is thrown here would end the process, and everybody's streams with it.
    try {
      if (!isBinary) return this.#readControl(message);
      const frame = decodeData(message);
      if (frame === undefined) return this.#hooks.broken("malformed_frame");
      // Who sends what only we send, or speaks of streams that were never opened, does not keep to the protocol.
      const listener = frame.kind === "response" ? this.#streams.listening(frame.stream) : undefined;
      if (listener === undefined) return this.#hooks.broken("protocol_violation");
      listener.data(frame);
    } catch (thrown) {
      this.#hooks.undigested(isBinary ? "data" : "control", message.length, thrown);
      this.#hooks.broken("internal_error");
    }
  };

  #readControl(message: Buffer): void {
    const decoded = decodeProviderFrame(message.toString("utf8"));
    switch (decoded.kind) {
      case "frame": {
        const kind = ratedKind(decoded.frame);
        return kind === undefined || this.#isWithinRate(kind) ? this.#hooks.control(decoded.frame) : undefined;
      }
      case "unknown":
        return this.#isWithinRate("other") ? this.#hooks.unknownFrame(decoded.frameType) : undefined;
      case "malformed":
        this.#hooks.malformed(decoded.problem);
        return this.#hooks.broken("malformed_frame");
    }
  }

  #isWithinRate(kind: RatedKind): boolean {
    if (this.#rates.allows(kind)) return true;
    this.#hooks.overRate(kind);
    this.#hooks.broken("rate_limited");
    return false;
  }
}
