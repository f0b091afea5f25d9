import { DATA_HEADER_BYTES, type DataFrame, writeDataHeader } from "@hearth/protocol";
import { encodeNodeFrame, NODE_HEADER_BYTES, NODE_KINDS, type NodeFrame, type NodeKind } from "./node-frames.js";

const NOTHING = new Uint8Array();
/** A data frame's stream is told by the frame around it. */
const ANY_STREAM = 1;

/** One stream on the connection of two nodes: counts what goes and what comes. */
export class StreamWire {
  readonly stream: number;
  readonly #send: (message: Buffer) => void;
  #sent = 0;
  #received = 0;

  constructor(stream: number, send: (message: Buffer) => void) {
    this.stream = stream;
    this.#send = send;
  }

  /** @param payload bytes, or words that become JSON */
  send(kind: NodeKind, payload: Uint8Array | object = NOTHING): void {
    const bytes = payload instanceof Uint8Array ? payload : JSON.stringify(payload);
    this.#send(encodeNodeFrame({ kind, stream: this.stream, seq: this.#sent++ }, bytes));
  }

  /** A machine's data frame, copied once. */
  sendData({ seq, final, holds, ciphertext }: DataFrame): void {
    const out = Buffer.allocUnsafe(NODE_HEADER_BYTES + DATA_HEADER_BYTES + ciphertext.length);
    out[0] = NODE_KINDS.data;
    out.writeUInt32BE(this.stream, 1);
    out.writeUInt32BE(this.#sent++, 5);
    writeDataHeader(out.subarray(NODE_HEADER_BYTES), { kind: "response", stream: ANY_STREAM, seq, final, holds });
    out.set(ciphertext, NODE_HEADER_BYTES + DATA_HEADER_BYTES);
    this.#send(out);
  }

  /** @returns whether it is the next one */
  isNext({ seq }: Pick<NodeFrame, "seq">): boolean {
    return seq === this.#received++;
  }
}
