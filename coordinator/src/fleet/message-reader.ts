import type { Clock } from "@hearth/platform";
import {
  type CloseReason,
  type DataFrame,
  decodeData,
  decodeProviderFrame,
  type ProviderFrame,
} from "@hearth/protocol";
import { FrameRates, type RatedKind, ratedKind } from "./frame-rates.js";

export interface ReaderHooks {
  data(frame: DataFrame): void;
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

/** Reads what one registered provider sends: each kind of frame no oftener than its rate, and nothing that is thrown gets out. */
export class MessageReader {
  readonly #hooks: ReaderHooks;
  readonly #rates: FrameRates;

  constructor(clock: Clock, hooks: ReaderHooks) {
    this.#hooks = hooks;
    this.#rates = new FrameRates(clock);
  }

  read(message: Buffer, isBinary: boolean): void {
    // What is thrown here would end the process, and everybody's streams with it.
    try {
      if (isBinary) this.#readData(message);
      else this.#readControl(message);
    } catch (thrown) {
      this.#hooks.undigested(isBinary ? "data" : "control", message.length, thrown);
      this.#hooks.broken("internal_error");
    }
  }

  #readData(message: Buffer): void {
    const frame = decodeData(message);
    if (frame === undefined) return this.#hooks.broken("malformed_frame");
    if (frame.kind !== "response") return this.#hooks.broken("protocol_violation");
    this.#hooks.data(frame);
  }

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
