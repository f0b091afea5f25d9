import type { RequestOpener } from "@hearth/e2e";
import type { RequestFrame, Usage } from "@hearth/protocol";
import type { Connection } from "./connection.js";
import type { AttemptRecord, DeliveredEvent } from "./journal.js";
import { misbehave } from "./misdeeds.js";
import type { Act, AttemptPlan, Misdeed } from "./scenario.js";
import { StreamFrames } from "./stream-frames.js";
import { failureOf, failureOfStatus } from "./wire-failure.js";
import type { World } from "./world.js";

interface StreamParts {
  readonly world: World;
  readonly connection: Connection;
  readonly frame: RequestFrame;
  readonly opener: RequestOpener;
  readonly plan: AttemptPlan;
  readonly onCrash: () => void;
  readonly onHalfOpen: () => void;
  readonly ended: () => void;
}

/** What providers that are well again do not do. */
const IS_ILLNESS: ReadonlySet<Act["type"]> = new Set([
  "crash",
  "half_open",
  "duplicate_frame",
  "skipped_seq",
  "reordered_frames",
  "corrupt_frame",
  "plaintext_frame",
  "partial_event",
  "garbage",
  "foreign_stream",
  "negative_usage",
  "overlong_frame",
]);

function wholeBody(id: string, bytes: number): string {
  const message = { role: "assistant", content: "w".repeat(bytes) };
  return JSON.stringify({ id, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }] });
}

const saysTheSame = (one: DeliveredEvent | undefined, other: DeliveredEvent): boolean =>
  one?.meaning !== undefined && one.meaning === other.meaning;

/** What else is known of a piece of a stream. */
interface Raw {
  readonly events?: readonly DeliveredEvent[];
  readonly finishes?: boolean;
  readonly final?: boolean;
  /** Told when it arrives. */
  readonly note?: (attempt: AttemptRecord) => void;
}

/** One request on a provider: does what its plan says, step by step. */
export class SimStream {
  readonly #parts: StreamParts;
  readonly #attempt: AttemptRecord;
  readonly #frames: StreamFrames;
  #next = 0;
  #stopped = false;
  #comments = 0;
  #completed = false;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    const attempt = parts.connection.attemptOf(parts.frame.stream);
    if (attempt === undefined) throw new Error("a stream that was never opened");
    this.#attempt = attempt;
    this.#frames = new StreamFrames(parts.frame.stream, attempt.id, parts.opener);
    this.#schedule();
  }

  /** The process is gone, or the connection. */
  stop(): void {
    this.#stopped = true;
    this.#parts.ended();
  }

  cancel(): void {
    const { world, plan, connection, frame } = this.#parts;
    if (this.#stopped) return;
    if (plan.onCancel === "carry_on" && !world.healed) {
      connection.record.guilty = true;
      return;
    }
    this.stop();
    if (plan.onCancel === "stop") return;
    world.time.scheduleElsewhere(20, "a cancel is confirmed", () =>
      connection.send({ type: "error", stream: frame.stream, code: "cancelled", progress: "processed" }),
    );
  }

  /** An agent that is well again does not go on with what nobody wants. */
  heal(): void {
    if (this.#attempt.overAt !== undefined) this.stop();
  }

  #schedule(): void {
    const { world, plan } = this.#parts;
    const step = plan.steps[this.#next++];
    if (step === undefined) return;
    world.time.scheduleElsewhere(step.afterMs * world.slowness, step.act.type, () => {
      if (this.#stopped) return;
      if (!world.healed || !IS_ILLNESS.has(step.act.type)) this.#do(step.act);
      this.#schedule();
    });
  }

  #do(act: Act): void {
    const { connection, frame, world } = this.#parts;
    world.trace(`${this.#attempt.id} on p${connection.record.provider}: ${act.type}`);
    switch (act.type) {
      case "working":
        return connection.send(
          { ...act, stream: frame.stream },
          this.#arriving((attempt) => world.journal.heard(attempt, act, world.time.now())),
        );
      case "role":
        return this.#events([this.#frames.event({ role: "assistant", content: "" }, false)]);
      case "bulky_preamble":
        return this.#events([
          this.#frames.event({ role: "assistant", padding: undefined }, false, "x".repeat(act.bytes)),
        ]);
      case "comment":
        return this.#comment();
      case "content":
        return this.#events(
          Array.from({ length: act.events }, () => this.#frames.event({ content: "w".repeat(act.bytes) }, true)),
        );
      case "finish":
        return this.#events([this.#frames.event({}, true, "", "stop")], { finishes: true });
      case "usage":
        return this.#events([
          {
            text: `data: {"id":"${this.#attempt.id}","choices":[],"usage":{"n":1}}\n\n`,
            content: false,
            meaning: "usage",
          },
        ]);
      case "done":
        return this.#raw("data: [DONE]\n\n", { finishes: true, final: true });
      case "final":
        return this.#raw("", { final: true });
      case "part":
        return this.#part(act);
      case "complete":
        return this.#complete(act.usage);
      case "error":
        return this.#error(act);
      case "wrapped_error": {
        const error = { message: "out of luck", ...(act.status === undefined ? {} : { code: act.status }) };
        const note = (attempt: AttemptRecord): void => {
          attempt.failure ??= failureOfStatus(act.status ?? 502);
        };
        return this.#raw(`data: ${JSON.stringify({ error })}\n\n`, { note });
      }
      case "unknown_control":
        return connection.sendRaw('{"type":"from_the_future","stream":1}');
      case "crash":
        return this.#parts.onCrash();
      case "half_open":
        return this.#parts.onHalfOpen();
      case "duplicate_frame":
      case "skipped_seq":
      case "reordered_frames":
      case "corrupt_frame":
      case "plaintext_frame":
      case "partial_event":
      case "garbage":
      case "foreign_stream":
      case "negative_usage":
      case "overlong_frame":
        return this.#misbehave(act.type);
    }
  }

  /** Holds the stream open, and tells nothing of this request. */
  #comment(): void {
    const { journal, time } = this.#parts.world;
    const note = (attempt: AttemptRecord): void => {
      const sign = attempt.contents > 0 ? "generating" : "prefilling";
      journal.heard(attempt, { sign, counter: ++this.#comments, scope: "server" }, time.now());
    };
    this.#raw(": still here\n\n", { note });
  }

  /** A part of an event says that content is being written; what comes behind it makes it none. */
  #partOfEvent(): void {
    const { journal, time } = this.#parts.world;
    const note = (attempt: AttemptRecord): void => {
      journal.heard(attempt, { sign: "generating", counter: attempt.receivedBytes, scope: "request" }, time.now());
    };
    this.#raw('data: {"choices":[{"delta":{"content":"hal', { note });
  }

  /** A slice of the one body of a whole answer. */
  #part({ nth, of, bytes }: Extract<Act, { type: "part" }>): void {
    const text = wholeBody(this.#attempt.id, bytes);
    const [from, to] = [nth, nth + 1].map((part) => Math.round((part * text.length) / of));
    const final = nth + 1 === of;
    this.#raw(text.slice(from, to), {
      final,
      finishes: final,
      note: (attempt) => {
        if (final) attempt.whole = { text, content: true };
      },
    });
  }

  #events(events: readonly DeliveredEvent[], { finishes = false } = {}): void {
    const text = events.map((event) => event.text).join("");
    this.#raw(text, { events, finishes });
  }

  #raw(text: string, { events = [], finishes = false, final = false, note }: Raw = {}): void {
    const frame = this.#frames.seal(text, final);
    if (frame === undefined) return;
    this.#parts.connection.sendRaw(
      frame,
      this.#arriving((attempt) => {
        attempt.receivedBytes += text.length;
        for (const event of events) {
          if (saysTheSame(attempt.events.at(-1), event) && attempt.contents === 0) attempt.events.pop();
          attempt.events.push(event);
          if (event.content) attempt.contents += 1;
          if (event.content) attempt.lastContentAt = attempt.lastSignAt = this.#parts.world.time.now();
          else if (attempt.contents === 0) attempt.time?.moved("preamble", "request", this.#parts.world.time.now());
        }
        note?.(attempt);
        attempt.finished ||= finishes;
        attempt.finalFrame ||= final;
      }),
    );
  }

  #complete(usage: Usage): void {
    const { connection, frame, world } = this.#parts;
    if (this.#completed) connection.record.guilty = true;
    this.#completed = true;
    connection.send(
      { type: "complete", stream: frame.stream, usage },
      this.#arriving((attempt) => {
        if (attempt.finished && attempt.finalFrame) attempt.completed = usage;
        // An answer that comes as a whole is none before its end.
        if (attempt.whole !== undefined) attempt.events.push(attempt.whole);
        if (attempt.whole !== undefined) attempt.contents = 1;
        world.journal.endAttempt(attempt, world.time.now());
      }),
    );
    this.#parts.ended();
  }

  #error({ frame: error, body }: Extract<Act, { type: "error" }>): void {
    const { connection, frame, opener, world } = this.#parts;
    let sealed: string | undefined;
    try {
      if (body)
        sealed = Buffer.from(opener.response.seal(Buffer.from('{"error":{"message":"no"}}'), true)).toString(
          "base64url",
        );
    } catch {
      sealed = undefined;
    }
    connection.send(
      { type: "error", stream: frame.stream, ...error, ...(sealed === undefined ? {} : { sealed_body: sealed }) },
      this.#arriving((attempt) => {
        attempt.failure ??= failureOf(error);
        world.journal.endAttempt(attempt, world.time.now());
      }),
    );
    this.#parts.ended();
  }

  #misbehave(misdeed: Misdeed): void {
    const { connection, world } = this.#parts;
    connection.record.guilty = true;
    // Whom nobody trusts any more has all its connections closed.
    for (const each of world.journal.connections) if (each.provider === connection.record.provider) each.guilty = true;
    if (misdeed === "partial_event") return this.#partOfEvent();
    return misbehave(misdeed, connection, this.#frames);
  }

  /** What counts is what arrives while the stream is open. */
  #arriving(note: (attempt: AttemptRecord) => void): () => void {
    return () => {
      if (this.#attempt.overAt === undefined) note(this.#attempt);
    };
  }
}
