import type { ResponseSealer } from "@hearth/e2e";
import { decodeData, LIMITS } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { CreditedSender, type DataOutlet, FRAME_PLAINTEXT_BYTES } from "./credited-sender.js";

/** Seals nothing, but counts like a sealer. */
class OpenSealer implements ResponseSealer {
  nextSeq = 0;

  seal(plaintext: Uint8Array, _final: boolean, headroomBytes = 0): Uint8Array {
    this.nextSeq += 1;
    return Buffer.concat([Buffer.alloc(headroomBytes), plaintext]);
  }
}

class Socket implements DataOutlet {
  readonly sent: string[] = [];
  congested = false;
  #resume = new Set<() => void>();

  sendData(bytes: Uint8Array): void {
    const frame = decodeData(bytes);
    expect(frame).toMatchObject({ kind: "response", stream: 3, seq: this.sent.length });
    this.sent.push(`${Buffer.from(frame?.ciphertext ?? []).toString()}${frame?.final ? "|final" : ""}`);
  }

  onWritable(resume: () => void): void {
    this.#resume.add(resume);
  }

  drain(): void {
    this.congested = false;
    const waiting = [...this.#resume];
    this.#resume.clear();
    expect(waiting.length).toBeLessThanOrEqual(1);
    for (const resume of waiting) resume();
  }
}

function start(): { readonly sender: CreditedSender; readonly socket: Socket } {
  const socket = new Socket();
  return { socket, sender: new CreditedSender({ stream: 3, sealer: new OpenSealer(), outlet: socket }) };
}

const window = Buffer.alloc(LIMITS.initialCreditBytes, "x");

describe("the sender", () => {
  it("sends at once while there is credit, and has nothing to wait for", () => {
    const { sender, socket } = start();
    sender.write(Buffer.from("a"), "content");
    expect(sender.settled()).toBeUndefined();
    sender.write(Buffer.from("b"), "content", true);
    expect(socket.sent).toEqual(["a", "b|final"]);
  });

  it("lets one frame overshoot the credit, and sends the next when it is made up for", async () => {
    const { sender, socket } = start();
    sender.write(window.subarray(1), "content");
    sender.write(Buffer.from("0123456789"), "content");
    expect(socket.sent).toHaveLength(2);
    sender.write(Buffer.from("c"), "content");
    sender.write(Buffer.from("d"), "content", true);
    const settled = sender.settled();
    sender.grant(9);
    expect(socket.sent).toHaveLength(2);
    sender.grant(1);
    expect(socket.sent.slice(2)).toEqual(["c"]);
    sender.grant(1);
    expect(socket.sent.slice(3)).toEqual(["d|final"]);
    await settled;
  });

  it("keeps the order of all writes, whatever they wait for", async () => {
    const { sender, socket } = start();
    socket.congested = true;
    for (const text of ["a", "b", "c"]) sender.write(Buffer.from(text), "content");
    sender.grant(5);
    sender.write(Buffer.from("d"), "content", true);
    expect(socket.sent).toEqual([]);
    const settled = sender.settled();
    socket.drain();
    await settled;
    expect(socket.sent).toEqual(["a", "b", "c", "d|final"]);
  });

  it("sends what fits a frame in one, and cuts what does not into small ones, the last of which is the last", () => {
    const { sender, socket } = start();
    sender.grant(3 * FRAME_PLAINTEXT_BYTES);
    sender.write(Buffer.alloc(FRAME_PLAINTEXT_BYTES, "x"), "content");
    expect(socket.sent.map(({ length }) => length)).toEqual([FRAME_PLAINTEXT_BYTES]);
    sender.write(Buffer.alloc(FRAME_PLAINTEXT_BYTES + 1, "y"), "content", true);
    const parts = socket.sent.slice(1);
    expect(parts.join("")).toBe(`${"y".repeat(FRAME_PLAINTEXT_BYTES + 1)}|final`);
    const [first = "", ...others] = parts;
    expect(first).toHaveLength(LIMITS.responseChunkBytes);
    expect(Math.max(...others.map(({ length }) => length))).toBe(LIMITS.responseChunkBytes);
  });

  it("lets go of whoever waits when it is closed, and sends nothing more", async () => {
    const { sender, socket } = start();
    sender.write(window, "content");
    sender.write(Buffer.from("late"), "content");
    const settled = sender.settled();
    sender.close();
    await settled;
    sender.grant(1_000_000);
    sender.write(Buffer.from("later"), "content");
    socket.drain();
    expect(socket.sent).toHaveLength(1);
    expect(sender.settled()).toBeUndefined();
  });
});
