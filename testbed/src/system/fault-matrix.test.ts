import { Agent } from "node:http";
import { DEFAULT_POLICY, type PolicySettings, readConfig } from "@hearth/coordinator";
import { expect, it } from "vitest";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type ConsumerOutcome, consumerOutcome } from "./consumer-outcome.js";
import { connectFaultyProvider, type FaultyStream, framingBytes, sealedFrame, textFrame } from "./faulty-provider.js";

// One recorded answer, spoiled in every place and in every way, through a real coordinator and real sockets. What the
// consumer must see is told here from what arrived, without asking the coordinator anything.

const content = (text: string): string => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;

/** The plaintext of each response frame, and the text that its consumer reads out of it. */
const RECORDED: readonly { readonly plaintext: string; readonly text: string }[] = [
  { plaintext: 'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n', text: "" },
  { plaintext: content("One "), text: "One " },
  { plaintext: `${content("two ")}${content("three ")}${content("four ")}`, text: "two three four " },
  { plaintext: content("żółw 🐢 "), text: "żółw 🐢 " },
  { plaintext: content("six "), text: "six " },
  { plaintext: content("seven."), text: "seven." },
  { plaintext: 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n', text: "" },
  {
    plaintext: 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9}}\n\ndata: [DONE]\n\n',
    text: "",
  },
];
/**
 * The same answer as a whole, cut where the frames of the streamed one end. It ends in the last of them, so that nothing
 * before that is an answer.
 */
const WHOLE: readonly Buffer[] = ((): Buffer[] => {
  const lengths = RECORDED.map(({ plaintext }) => Buffer.byteLength(plaintext));
  const message = { role: "assistant", content: RECORDED.map(({ text }) => text).join("") };
  const usage = { prompt_tokens: 3, completion_tokens: 9 };
  const json = Buffer.from(JSON.stringify({ choices: [{ message, finish_reason: "stop" }], usage }));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const body = Buffer.concat([Buffer.alloc(total - json.length, " "), json]);
  const ends = lengths.map((_, index) => lengths.slice(0, index + 1).reduce((sum, length) => sum + length, 0));
  return ends.map((end, index) => body.subarray(end - (lengths[index] ?? 0), end));
})();

const plaintextsFor = ({ delivery }: FaultyStream): readonly (string | Buffer)[] =>
  delivery === "whole" ? WHOLE : RECORDED.map(({ plaintext }) => plaintext);

/** Where the text is all there: a finish before this frame would be a lie. */
const FINISH = 6;
/** The index of the frame after the last response frame: the `complete` control frame. */
const COMPLETE = RECORDED.length;
const ALL = COMPLETE + 1;
const complete = (stream: number): string =>
  JSON.stringify({ type: "complete", stream, usage: { prompt_tokens: 3, completion_tokens: 9 } });

/** The recorded answer as the bytes of one connection, a WebSocket frame each. */
function wireOf(stream: FaultyStream, finalAt: number = COMPLETE - 1): Buffer[] {
  const frames = plaintextsFor(stream).map((plaintext, index) => sealedFrame(stream, plaintext, index === finalAt));
  return [...frames, textFrame(complete(stream.stream))];
}

/** One way to spoil the answer. */
interface Fault {
  readonly name: string;
  /** Frames that arrive as they were recorded, in order, before anything else. `ALL` is a whole answer. */
  readonly arrived: number;
  /** For a consumer who streams, where that differs. */
  readonly arrivedStreamed?: number;
  /** A reset may overtake what was sent before it: fewer frames may have arrived. */
  readonly mayLose?: true;
  readonly play: (stream: FaultyStream) => void;
}

function textOf(frames: number): string {
  return RECORDED.slice(0, frames)
    .map(({ text }) => text)
    .join("");
}

/** What a consumer must see when this many frames have arrived and no more will. */
function isRight(outcome: ConsumerOutcome, arrived: number, streams: boolean): boolean {
  const text = textOf(arrived);
  if (arrived === ALL) return outcome.type === "answer" && outcome.content === text;
  if (!streams || text === "") return outcome.type === "refused";
  return outcome.type === "told" && outcome.content === text && (arrived > FINISH || !outcome.finished);
}

function isAllowed(outcome: ConsumerOutcome, fault: Fault, streams: boolean): boolean {
  const arrived = streams ? (fault.arrivedStreamed ?? fault.arrived) : fault.arrived;
  if (isRight(outcome, arrived, streams)) return true;
  return fault.mayLose === true && count(fault.arrived).some((arrived) => isRight(outcome, arrived, streams));
}

const count = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** Only a stream that goes silent meets a deadline; all others have their answer at once, on however slow a machine. */
const UNHURRIED: PolicySettings = {
  ...DEFAULT_POLICY,
  ttftBaseMs: 2_000,
  patienceMs: 4_000,
  contentGapMs: 400,
};
const HASTY: PolicySettings = {
  ...DEFAULT_POLICY,
  ttftBaseMs: 500,
  patienceMs: 1_000,
  contentGapMs: 80,
};

/** Cases at once, and cases before a fresh coordinator: it remembers who went away, and would look at each. */
const AT_ONCE = 16;
const PER_COORDINATOR = 128;
/** Thousands of cases in one test, on a machine that may be busy, ms. */
const LONG = 120_000;

/** Nobody waits for a machine that has gone: it will not be back, and there is no other. */
const GONE_FOR_GOOD = { departures: { ...readConfig({}).departures, expectedBackMs: 0 } };

/** Runs each fault for a consumer that streams and for one that does not. Returns how many cases there were. */
async function runAll(faults: readonly Fault[], policy: PolicySettings = UNHURRIED): Promise<number> {
  const cases = faults.flatMap((fault) => [true, false].map((streams) => ({ fault, streams })));
  const wrong: object[] = [];
  let ran = 0;
  for (let from = 0; from < cases.length; from += PER_COORDINATOR) {
    await using hearth = await startTestCoordinator({ policy, config: GONE_FOR_GOOD });
    using agent = disposable(new Agent({ keepAlive: true, maxSockets: AT_ONCE }));
    const waiting = [...cases.slice(from, from + PER_COORDINATOR).entries()];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, { fault, streams }] = next;
        const outcome = await runOne({ hearth, agent: agent.agent, index }, fault, streams);
        if (!isAllowed(outcome, fault, streams)) wrong.push({ fault: fault.name, streams, outcome });
        ran += 1;
      }
    };
    await Promise.all(count(AT_ONCE).map(work));
  }
  expect(wrong).toEqual([]);
  return ran;
}

function disposable(agent: Agent): Disposable & { readonly agent: Agent } {
  return { agent, [Symbol.dispose]: () => agent.destroy() };
}

interface Bench {
  readonly hearth: TestCoordinator;
  readonly agent: Agent;
  readonly index: number;
}

/** One case: a machine and a model of its own, so that nobody's verdict on another case touches it. */
async function runOne({ hearth, agent, index }: Bench, fault: Fault, streams: boolean): Promise<ConsumerOutcome> {
  const model = `m${index}`;
  const identity = Buffer.alloc(32);
  identity.writeUInt32BE(index + 1);
  const socket = await connectFaultyProvider({
    url: `${hearth.url.replace("http", "ws")}/ws/provider`,
    token: PROVIDER_TOKEN,
    model,
    identity: identity.toString("base64url"),
    play: fault.play,
  });
  try {
    return await consumerOutcome({ url: hearth.url, apiKey: API_KEY, model, stream: streams, agent });
  } finally {
    socket.terminate();
  }
}

/** Records the answer once, as it goes over the wire. Its lengths are the same every time: only keys differ. */
async function record(): Promise<readonly Buffer[]> {
  let wire: readonly Buffer[] = [];
  const play = (stream: FaultyStream): void => {
    const frames = wireOf(stream);
    wire = frames;
    stream.raw.write(Buffer.concat(frames));
  };
  expect(await runAll([{ name: "recorded", arrived: ALL, play }])).toBe(2);
  return wire;
}

/** Plays the recorded frames after this has been done to their order. */
function rearranged(name: string, arrived: number, change: (wire: Buffer[]) => readonly Buffer[]): Fault {
  return { name, arrived, play: (stream) => void stream.raw.write(Buffer.concat(change(wireOf(stream)))) };
}

it("tells of every cut between two frames, however the connection ends", async () => {
  const faults = count(ALL + 1).flatMap((arrived): Fault[] => {
    const bytes = (stream: FaultyStream): Buffer => Buffer.concat(wireOf(stream).slice(0, arrived));
    return [
      { name: `end after ${arrived}`, arrived, play: (stream) => void stream.raw.end(bytes(stream)) },
      {
        name: `close after ${arrived}`,
        arrived,
        play(stream) {
          stream.raw.write(bytes(stream));
          stream.socket.close(1000);
        },
      },
      {
        name: `reset after ${arrived}`,
        arrived,
        mayLose: true,
        play: (stream) => void stream.raw.write(bytes(stream), () => stream.raw.resetAndDestroy()),
      },
    ];
  });
  expect(await runAll(faults)).toBe((RECORDED.length + 2) * 3 * 2);
});

it("tells of a cut at every byte", { timeout: LONG }, async () => {
  const wire = await record();
  const bytes = Buffer.concat(wire).length;
  const ends = wire.map((_, index) => Buffer.concat(wire.slice(0, index + 1)).length);
  const faults = count(bytes + 1).map(
    (at): Fault => ({
      name: `cut at byte ${at}`,
      arrived: ends.filter((end) => end <= at).length,
      play: (stream) => void stream.raw.end(Buffer.concat(wireOf(stream)).subarray(0, at)),
    }),
  );
  expect(bytes).toBeGreaterThan(800);
  expect(await runAll(faults)).toBe((bytes + 1) * 2);
});

/** Flips one bit; in which place of the byte differs from frame to frame, so that headers have each of theirs flipped. */
function flip(frame: Buffer, at: number, index: number): void {
  frame.writeUInt8(frame.readUInt8(at) ^ (1 << ((at + index) % 8)), at);
}

/** Whether a spoiled control frame still says, to anybody who can read, that this stream is complete. */
function stillSaysComplete(recorded: Buffer, at: number): boolean {
  const frame = Buffer.from(recorded);
  const payloadAt = framingBytes(frame);
  flip(frame, at, COMPLETE);
  if (at < payloadAt) return false;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(frame.subarray(payloadAt));
    const said = JSON.parse(text) as { type?: unknown; stream?: unknown; usage?: Record<string, unknown> };
    const counts = [said.usage?.["prompt_tokens"], said.usage?.["completion_tokens"]];
    const counted = counts.every((tokens) => typeof tokens === "number" && Number.isInteger(tokens) && tokens >= 0);
    return said.type === "complete" && said.stream === 1 && counted;
  } catch {
    return false;
  }
}

it("tells of a flipped bit in every byte", { timeout: LONG }, async () => {
  const wire = await record();
  const faults = wire.flatMap((recorded, index) =>
    count(recorded.length).map((at): Fault => {
      const harmless = index === COMPLETE && stillSaysComplete(recorded, at);
      return rearranged(`frame ${index} byte ${at}`, harmless ? ALL : index, (frames) => {
        flip(frames[index] as Buffer, at, index);
        return frames;
      });
    }),
  );
  expect(await runAll(faults)).toBe(Buffer.concat(wire).length * 2);
});

it("tells of a stall after every frame", async () => {
  const faults = count(ALL + 1).map((arrived) =>
    rearranged(`stall after ${arrived}`, arrived, (frames) => frames.slice(0, arrived)),
  );
  expect(await runAll(faults, HASTY)).toBe((RECORDED.length + 2) * 2);
});

it("tells of frames that are lost, repeated or out of order", async () => {
  const dropped = count(ALL).map((at) => rearranged(`drop ${at}`, at, (frames) => frames.toSpliced(at, 1)));
  const repeated = count(ALL).map((at) =>
    rearranged(`repeat ${at}`, at + 1, (frames) => frames.toSpliced(at, 0, frames[at] as Buffer)),
  );
  const swapped = count(ALL - 1).map((at) =>
    rearranged(`swap ${at}`, at, (frames) => frames.toSpliced(at, 2, frames[at + 1] as Buffer, frames[at] as Buffer)),
  );
  expect(await runAll([...dropped, ...repeated, ...swapped])).toBe((RECORDED.length * 3 + 2) * 2);
});

it("believes no end that is only half said", async () => {
  const early = count(COMPLETE).map((at) =>
    rearranged(`complete after ${at}`, at, (frames) => [...frames.slice(0, at), frames[COMPLETE] as Buffer]),
  );
  const unsealed: Fault = {
    name: "complete without a final frame",
    arrived: COMPLETE,
    play: (stream) => void stream.raw.write(Buffer.concat(wireOf(stream, -1))),
  };
  const finalTooSoon = count(COMPLETE - 1).map(
    (at): Fault => ({
      name: `final and complete after ${at}`,
      arrived: at + 1,
      play(stream) {
        const frames = plaintextsFor(stream)
          .slice(0, at + 1)
          .map((plaintext, index) => sealedFrame(stream, plaintext, index === at));
        stream.raw.write(Buffer.concat([...frames, textFrame(complete(stream.stream))]));
      },
    }),
  );
  // What streams and has its finish reason, its final frame and its `complete` lacks only the usage: it is whole.
  const faults = finalTooSoon.map((fault) => (fault.arrived > FINISH ? { ...fault, arrivedStreamed: ALL } : fault));
  expect(await runAll([...early, unsealed, ...faults])).toBe(RECORDED.length * 2 * 2);
});
