import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "@hearth/platform";
import { AgentError } from "../../platform/agent-error.js";
import { type Envelope, envelopeSchema, MAX_LINE_BYTES, type Question } from "./helper-protocol.js";

/** How the helper is started. */
export interface HelperCommand {
  readonly path: string;
  readonly args: readonly string[];
}

interface Pending {
  readonly settle: (envelope: Envelope) => void;
  readonly fail: (error: AgentError) => void;
  readonly timer: Disposable;
}

/**
 * One running helper: questions go to its stdin, answers come from its stdout, a JSON object a line. Whatever breaks the
 * protocol ends the process, because nothing that it says afterwards could be assigned to a question.
 */
export class HelperProcess implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #unread: Buffer = Buffer.alloc(0);
  #ended: AgentError | undefined;

  constructor(command: HelperCommand, clock: Clock) {
    this.#clock = clock;
    // It needs nothing of the environment, where secrets are.
    this.#child = spawn(command.path, [...command.args], { env: {}, stdio: ["pipe", "pipe", "ignore"] });
    this.#child.once("error", (cause) => {
      this.#end(new AgentError("enclave_not_started", `${command.path} cannot be started.`, { cause }));
    });
    this.#child.once("close", () => this.#end(new AgentError("enclave_gone", "The Secure Enclave helper ended.")));
    // A process that ends early does not read on; its end is told by `close`.
    this.#child.stdin.on("error", () => {});
    this.#child.stdout.on("data", (data: Buffer) => this.#read(data));
  }

  /** Why it can be asked no more. */
  get ended(): AgentError | undefined {
    return this.#ended;
  }

  /** @throws AgentError when no answer comes in time, or the process ends or breaks the protocol first */
  ask(question: Question, timeoutMs: number): Promise<Envelope> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((settle, fail) => {
      const timer = this.#clock.setTimer(timeoutMs, () => {
        this.#end(
          new AgentError("enclave_timeout", `The Secure Enclave helper did not answer within ${timeoutMs} ms.`),
        );
      });
      this.#pending.set(id, { settle, fail, timer });
      this.#child.stdin.write(`${JSON.stringify({ id, ...question })}\n`);
    });
  }

  [Symbol.dispose](): void {
    this.#end(new AgentError("enclave_gone", "The Secure Enclave helper was stopped."));
  }

  #read(data: Buffer): void {
    if (this.#ended !== undefined) return;
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    for (;;) {
      const end = this.#unread.indexOf(0x0a);
      if (Math.max(end, end < 0 ? this.#unread.length : 0) > MAX_LINE_BYTES) return this.#break("an oversize line");
      if (end < 0) return;
      const line = this.#unread.subarray(0, end);
      this.#unread = this.#unread.subarray(end + 1);
      if (!this.#take(line)) return;
    }
  }

  /** @returns whether more may be read */
  #take(line: Buffer): boolean {
    const envelope = parseEnvelope(line);
    if (envelope === undefined) {
      this.#break("no answer");
      return false;
    }
    const pending = this.#pending.get(envelope.id);
    if (pending === undefined) {
      this.#break("an answer that nobody asked for");
      return false;
    }
    this.#pending.delete(envelope.id);
    pending.timer[Symbol.dispose]();
    pending.settle(envelope);
    return true;
  }

  #break(what: string): void {
    this.#end(new AgentError("enclave_bad_answer", `The Secure Enclave helper sent ${what}.`));
  }

  #end(error: AgentError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#unread = Buffer.alloc(0);
    this.#child.kill("SIGKILL");
    for (const { fail, timer } of this.#pending.values()) {
      timer[Symbol.dispose]();
      fail(error);
    }
    this.#pending.clear();
  }
}

function parseEnvelope(line: Buffer): Envelope | undefined {
  try {
    return envelopeSchema.safeParse(JSON.parse(line.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
