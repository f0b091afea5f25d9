import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { E2eError } from "./error.js";
import { generateKeyPair } from "./key-pair.js";
import type { Padding } from "./record.js";
import { openRequest, type RequestSealer, sealRequest } from "./sealed-request.js";

// What someone on the wire can do: deliver frames of their choice, in any order, claiming any seq and final flag.

interface Frame {
  readonly ciphertext: Uint8Array;
  readonly seq: number;
  readonly final: boolean;
}

interface Delivery {
  readonly opened: readonly Uint8Array[];
  readonly refusals: readonly string[];
  readonly finished: boolean;
}

interface Opener {
  open(ciphertext: Uint8Array, seq: number, final: boolean): Uint8Array;
  readonly finished: boolean;
}

/** One direction of one exchange: what was sent, the frames it travels in, and a fresh receiver that expects it. */
interface Scene {
  readonly plaintexts: readonly Uint8Array[];
  readonly frames: readonly Frame[];
  readonly receiver: Opener;
}

const keyPair = generateKeyPair();
const otherKeyPair = generateKeyPair();
const binding = { requestId: "req_1", attemptId: "att_1" };

function framesOf(seal: RequestSealer["seal"], plaintexts: readonly Uint8Array[]): Frame[] {
  return plaintexts.map((plaintext, seq) => {
    const final = seq === plaintexts.length - 1;
    return { ciphertext: seal(plaintext, final), seq, final };
  });
}

function requestScene(plaintexts: readonly Uint8Array[], padding: Padding, keys = keyPair, bound = binding): Scene {
  const sealer = sealRequest({ publicKey: keys.publicKey, binding: bound, padding });
  const frames = framesOf(sealer.seal, plaintexts);
  return { plaintexts, frames, receiver: openRequest({ keyPair, ...sealer, binding }) };
}

function responseScene(plaintexts: readonly Uint8Array[], padding: Padding, bound = binding): Scene {
  const sealer = sealRequest({ publicKey: keyPair.publicKey, binding: bound });
  const { response } = openRequest({ keyPair, encapsulatedKey: sealer.encapsulatedKey, binding: bound, padding });
  return { plaintexts, frames: framesOf(response.seal.bind(response), plaintexts), receiver: sealer.response };
}

function deliver(receiver: Opener, frames: readonly Frame[]): Delivery {
  const opened: Uint8Array[] = [];
  const refusals: string[] = [];
  for (const { ciphertext, seq, final } of frames) {
    try {
      opened.push(receiver.open(ciphertext, seq, final));
    } catch (error) {
      if (!(error instanceof E2eError)) throw error;
      refusals.push(error.code);
    }
  }
  return { opened, refusals, finished: receiver.finished };
}

/** The receiver noticed: a frame was refused, or the stream never finished. And nothing false came out before. */
function expectDetected(scene: Scene, frames: readonly Frame[]): void {
  const { opened, refusals, finished } = deliver(scene.receiver, frames);
  expect(refusals.length > 0 || !finished).toBe(true);
  expect(opened).toEqual(scene.plaintexts.slice(0, opened.length));
}

const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 2, maxLength: 6 });
const paddings = fc.constantFrom<Padding>("buckets", "none");
const at = fc.nat(1000);

/** Frames renumbered as someone would who hides a change of order. */
const renumber = (frames: readonly Frame[]): Frame[] => frames.map((frame, seq) => ({ ...frame, seq }));

/** As sent, and renumbered: neither may pass. */
const bothWays = (frames: readonly Frame[]): Frame[][] => [[...frames], renumber(frames)];

describe.each([
  { direction: "request", build: requestScene },
  { direction: "response", build: responseScene },
] as const)("a $direction stream", ({ build }) => {
  it("passes when nothing was touched", () => {
    fc.assert(
      fc.property(chunks, paddings, (plaintexts, padding) => {
        const scene = build(plaintexts, padding);
        expect(deliver(scene.receiver, scene.frames)).toEqual({ opened: plaintexts, refusals: [], finished: true });
      }),
    );
  });

  it("betrays a dropped chunk", () => {
    fc.assert(
      fc.property(chunks, paddings, at, (plaintexts, padding, index) => {
        for (const way of [0, 1]) {
          const scene = build(plaintexts, padding);
          const left = scene.frames.filter((frame) => frame.seq !== index % plaintexts.length);
          expectDetected(scene, bothWays(left)[way]!);
        }
      }),
    );
  });

  it("betrays two swapped chunks", () => {
    fc.assert(
      fc.property(chunks, paddings, at, at, (plaintexts, padding, one, other) => {
        const [i, j] = [one % plaintexts.length, other % plaintexts.length];
        fc.pre(i !== j);
        for (const way of [0, 1]) {
          const scene = build(plaintexts, padding);
          const swapped = [...scene.frames];
          [swapped[i], swapped[j]] = [swapped[j]!, swapped[i]!];
          expectDetected(scene, bothWays(swapped)[way]!);
        }
      }),
    );
  });

  it("betrays a repeated chunk", () => {
    fc.assert(
      fc.property(chunks, paddings, at, at, (plaintexts, padding, which, where) => {
        for (const way of [0, 1]) {
          const scene = build(plaintexts, padding);
          const repeated = [...scene.frames];
          repeated.splice(where % (repeated.length + 1), 0, scene.frames[which % plaintexts.length]!);
          expectDetected(scene, bothWays(repeated)[way]!);
        }
      }),
    );
  });

  it("is seen to be unfinished when its end is cut off, even if the last chunk left claims to be final", () => {
    fc.assert(
      fc.property(chunks, paddings, at, fc.boolean(), (plaintexts, padding, cut, claim) => {
        const scene = build(plaintexts, padding);
        const left = scene.frames.slice(0, cut % plaintexts.length);
        if (claim && left.length > 0) left.push({ ...left.pop()!, final: true });
        expectDetected(scene, left);
        expect(scene.receiver.finished).toBe(false);
      }),
    );
  });

  it("betrays a forged final flag, set or cleared", () => {
    fc.assert(
      fc.property(chunks, paddings, at, (plaintexts, padding, index) => {
        const scene = build(plaintexts, padding);
        const forged = scene.frames.map((frame) =>
          frame.seq === index % plaintexts.length ? { ...frame, final: !frame.final } : frame,
        );
        expectDetected(scene, forged);
      }),
    );
  });

  it("betrays any flipped bit", () => {
    fc.assert(
      fc.property(chunks, paddings, at, fc.nat(), (plaintexts, padding, index, position) => {
        const scene = build(plaintexts, padding);
        const flipped = scene.frames.map((frame) => {
          if (frame.seq !== index % plaintexts.length) return frame;
          const ciphertext = Uint8Array.from(frame.ciphertext);
          const bit = position % (ciphertext.length * 8);
          ciphertext[bit >>> 3]! ^= 1 << (bit & 7);
          return { ...frame, ciphertext };
        });
        expectDetected(scene, flipped);
        expect(scene.receiver.finished).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("betrays a chunk that was cut short or extended", () => {
    fc.assert(
      fc.property(chunks, paddings, at, fc.nat(), (plaintexts, padding, index, position) => {
        const scene = build(plaintexts, padding);
        const resized = scene.frames.map((frame) => {
          if (frame.seq !== index % plaintexts.length) return frame;
          const { ciphertext } = frame;
          const size = position % (ciphertext.length + 40);
          if (size === ciphertext.length) return { ...frame, ciphertext: Uint8Array.of(...ciphertext, 0) };
          const other = new Uint8Array(size);
          other.set(ciphertext.subarray(0, size));
          return { ...frame, ciphertext: other };
        });
        expectDetected(scene, resized);
        expect(scene.receiver.finished).toBe(false);
      }),
    );
  });

  it("betrays a chunk spliced in from another stream, attempt, request or direction", () => {
    fc.assert(
      fc.property(chunks, paddings, at, fc.nat(4), (plaintexts, padding, index, source) => {
        const scene = build(plaintexts, padding);
        const foreign = [
          () => build(plaintexts, padding),
          () => requestScene(plaintexts, padding),
          () => responseScene(plaintexts, padding),
          () => requestScene(plaintexts, padding, otherKeyPair),
          () => responseScene(plaintexts, padding, { requestId: "req_2", attemptId: "att_1" }),
        ][source]!().frames;
        const spliced = scene.frames.map((frame, i) => (i === index % plaintexts.length ? foreign[i]! : frame));
        expectDetected(scene, spliced);
        expect(scene.receiver.finished).toBe(false);
      }),
    );
  });

  it("gives out nothing but a prefix of what was sent, for any sequence of deliveries", () => {
    const step = fc.record({
      pick: at,
      foreign: fc.boolean(),
      seq: fc.option(fc.nat(6), { nil: undefined }),
      final: fc.option(fc.boolean(), { nil: undefined }),
    });
    fc.assert(
      fc.property(chunks, paddings, fc.array(step, { maxLength: 12 }), (plaintexts, padding, steps) => {
        const scene = build(plaintexts, padding);
        const pools = [scene.frames, build(plaintexts, padding).frames] as const;
        const frames = steps.map(({ pick, foreign, seq, final }) => {
          const frame = pools[foreign ? 1 : 0][pick % plaintexts.length]!;
          return { ciphertext: frame.ciphertext, seq: seq ?? frame.seq, final: final ?? frame.final };
        });
        const { opened, finished } = deliver(scene.receiver, frames);
        expect(opened).toEqual(plaintexts.slice(0, opened.length));
        if (finished) expect(opened).toEqual(plaintexts);
      }),
      { numRuns: 500 },
    );
  });

  it("stays refused after its first bad chunk, so that nothing later can pass as a whole answer", () => {
    const scene = build([Uint8Array.of(1), Uint8Array.of(2)], "buckets");
    const [first, last] = scene.frames as [Frame, Frame];
    const delivery = deliver(scene.receiver, [{ ...first, final: true }, first, last]);
    expect(delivery).toEqual({
      opened: [],
      refusals: ["open_failed", "already_failed", "already_failed"],
      finished: false,
    });
  });

  it("names a chunk out of turn for what it is", () => {
    const scene = build([Uint8Array.of(1), Uint8Array.of(2)], "buckets");
    expect(deliver(scene.receiver, scene.frames.slice(1)).refusals).toEqual(["out_of_sequence"]);
  });
});

describe("a request", () => {
  it.each([
    ["request", { requestId: "req_2", attemptId: "att_1" }],
    ["attempt", { requestId: "req_1", attemptId: "att_2" }],
  ])("does not open as another %s", (_, claimed) => {
    const sealer = sealRequest({ publicKey: keyPair.publicKey, binding });
    const opener = openRequest({ keyPair, encapsulatedKey: sealer.encapsulatedKey, binding: claimed });
    expect(() => opener.open(sealer.seal(Uint8Array.of(1), true), 0, true)).toThrow(
      expect.objectContaining({ code: "open_failed" }),
    );
    // Nor is an answer given under the wrong name accepted.
    const answer = opener.response.seal(Uint8Array.of(2), true);
    expect(() => sealer.response.open(answer, 0, true)).toThrow(expect.objectContaining({ code: "open_failed" }));
  });

  it("does not open under an encapsulated key with any bit flipped", () => {
    const sealer = sealRequest({ publicKey: keyPair.publicKey, binding });
    const sealed = sealer.seal(Uint8Array.of(1), true);
    for (let bit = 0; bit < 256; bit++) {
      const encapsulatedKey = Uint8Array.from(sealer.encapsulatedKey);
      encapsulatedKey[bit >>> 3]! ^= 1 << (bit & 7);
      const opener = openRequest({ keyPair, encapsulatedKey, binding });
      expect(() => opener.open(sealed, 0, true)).toThrow(expect.objectContaining({ code: "open_failed" }));
    }
  });
});
