import {
  type Consumer,
  type Dialect,
  HearthError,
  handleRequest,
  type InferenceRequest,
  type Reply,
  readChatEvent,
  unlimited,
} from "@hearth/coordinator/internals";
import type { RequestId, Usage } from "@hearth/protocol";
import type { RequestRecord, Terminal } from "./journal.js";
import { checkRefusal } from "./refusals.js";
import type { World } from "./world.js";

/** A request goes through the real `handleRequest`; its consumer notes what it gets, hangs up, or is slow. */
export function serveConsumer(world: World, record: RequestRecord): void {
  const { time } = world;
  const { plan } = record;
  const gone = new AbortController();
  const consumer = new SimConsumer(world, record);
  const leave = (reason: "consumer_gone" | "shutdown", afterMs: number | undefined): void => {
    if (afterMs === undefined) return;
    time.schedule(afterMs, `request ${plan.index}: ${reason}`, () => {
      if (record.doneAt !== undefined || record.goneAt !== undefined) return;
      world.trace(`request ${plan.index}: ${reason}`);
      record.goneAt = time.now();
      gone.abort(reason);
      consumer.unblock();
    });
  };
  leave("consumer_gone", plan.consumer.hangUpAfterMs);
  leave("shutdown", plan.consumer.shutDownAfterMs);
  const incoming = {
    body: Buffer.alloc(0),
    caller: {
      account: plan.account,
      principal: unlimited({ account: plan.account, keyId: plan.account, name: "", scopes: ["inference"] }),
      allowlist: plan.allowlist && new Set(plan.allowlist.map((index) => world.coordinator.providerId(index))),
      route: plan.route,
      patienceMs: plan.patienceMs,
    },
    entrance: { endpoint: "/v1/chat/completions", dialect: "chat_completions" as const },
    progress: {},
    dialect: dialectOf(record, consumer),
    consumer,
  };
  world.journal.admitting = record;
  const handled = handleRequest(world.coordinator.services, incoming, gone.signal);
  world.journal.admitting = undefined;
  handled
    .catch((thrown: unknown) => consumer.sendError(HearthError.from(thrown)))
    .then(() => {
      record.doneAt = time.now();
      world.trace(`request ${plan.index} is done`);
    });
}

function dialectOf(record: RequestRecord, consumer: SimConsumer): Dialect<InferenceRequest> {
  const { plan } = record;
  return {
    errorBody: (error) => error,
    normalise: () => ({
      id: `req_${plan.index}` as RequestId,
      model: plan.model,
      delivery: plan.whole ? "whole" : "interactive",
      stream: !plan.whole,
      ignored: [],
      needs: { tools: plan.tools, vision: plan.vision },
      promptTokens: plan.promptTokens,
      maxTokens: plan.maxTokens,
      form: () => ({
        dialect: "chat_completions",
        format: plan.whole ? "body" : "events",
        body: new Uint8Array(plan.bodyBytes),
        readEvent: readChatEvent,
      }),
    }),
    reply: () => consumer,
  };
}

/** Both the reply and the consumer's end of the connection: it writes down what it is given. */
class SimConsumer implements Consumer, Reply {
  readonly #world: World;
  readonly #record: RequestRecord;
  #unblock: (() => void) | undefined;

  constructor(world: World, record: RequestRecord) {
    this.#world = world;
    this.#record = record;
  }

  open(): void {
    this.#firstByte(undefined);
  }

  write(chunk: Parameters<Reply["write"]>[0]): Promise<void> | undefined;
  write(chunk: Uint8Array | string): Promise<void> | undefined;
  write(chunk: Parameters<Reply["write"]>[0] | Uint8Array | string): Promise<void> | undefined {
    const record = this.#record;
    if (typeof chunk === "string" || chunk instanceof Uint8Array) return undefined;
    if (record.terminals.length > 0) record.sentAfterEnd = true;
    const text = Buffer.from(chunk.bytes).toString();
    this.#firstByte((chunk.parsed as { id?: string }).id);
    const expected = record.winner?.events[record.written.length]?.text;
    if (text !== expected) record.foreignWrite ??= record.written.length;
    record.written.push(text);
    return this.#pace();
  }

  complete(usage: Usage): void {
    this.#end({ type: "complete", usage, at: this.#world.time.now() });
  }

  fail(error: HearthError): void {
    this.#end({ type: "failed_in_band", error, at: this.#world.time.now() });
  }

  sendError(error: HearthError): void {
    if (error.code === "internal") this.#record.crash = error.details.cause ?? error;
    this.#end({ type: "refused", error, at: this.#world.time.now() });
    checkRefusal(this.#world, this.#record, error);
  }

  setHeaders(): void {}
  sendJson(): void {}
  openStream(): void {}
  finishStream(): void {}
  endStream(): void {}

  /** Gone: whoever waits for it need not wait any more. */
  unblock(): void {
    this.#unblock?.();
  }

  #firstByte(attemptId: string | undefined): void {
    const record = this.#record;
    const { journal, time } = this.#world;
    if (attemptId !== undefined && record.winner === undefined) {
      record.winner = journal.attempts.get(attemptId);
      const { winner } = record;
      if (winner !== undefined) {
        record.committedOn = { contents: winner.contents, clean: winner.completed !== undefined };
      }
    }
    if (record.firstByteAt !== undefined) return;
    record.firstByteAt = time.now();
    this.#world.trace(`request ${record.plan.index}: the first byte`);
  }

  #pace(): Promise<void> | undefined {
    const record = this.#record;
    const { slow } = record.plan.consumer;
    if (slow === undefined || record.goneAt !== undefined || record.written.length !== slow.atWrite + 1)
      return undefined;
    const { time } = this.#world;
    record.blockedSince = time.now();
    this.#world.trace(`request ${record.plan.index}: the consumer is slow`);
    return new Promise((resolve, reject) => {
      const unblock = (act: () => void): void => {
        this.#unblock = undefined;
        record.blockedSince = undefined;
        record.lastUnblockedAt = time.now();
        act();
      };
      this.#unblock = () => unblock(resolve);
      time.schedule(slow.forMs, `request ${record.plan.index}: the consumer reads on`, () => {
        if (this.#unblock === undefined) return;
        if (!slow.cut) return unblock(resolve);
        record.goneAt = time.now();
        unblock(() => reject(new HearthError("cancelled", "The consumer did not read for too long.")));
      });
    });
  }

  #end(terminal: Terminal): void {
    const record = this.#record;
    record.terminals.push(terminal);
    this.#world.journal.count(terminal.type === "complete" ? "complete" : `${terminal.type}: ${terminal.error.code}`);
    const what = terminal.type === "complete" ? "" : `: ${terminal.error.code}`;
    this.#world.trace(`request ${record.plan.index} ends, ${terminal.type}${what}`);
  }
}
