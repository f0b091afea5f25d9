import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Engine } from "../operations/registry.js";
import { recordOf } from "./error-record.js";
import type { Answer, FromThread, Request, ToThread } from "./messages.js";

/** Opens an engine and does with it what the port asks for, until it asks for the end. */
export async function serveEngine(port: MessagePort, open: () => Promise<Engine>): Promise<void> {
  const tell = (message: FromThread): void => port.postMessage(message);
  const end = async (work: () => Promise<void>): Promise<void> => {
    const error = await work().then(() => undefined, recordOf);
    tell({ type: "ended", error });
    port.close();
  };
  try {
    const engine = await open();
    const answers = new Answers((some) => tell({ type: "answers", answers: some }));
    const hear = (message: ToThread): void => {
      if (message.type === "close") return void end(() => engine.close());
      for (const request of message.requests) void answer(engine, request).then((one) => answers.add(one));
    };
    port.on("message", (first: ToThread) => {
      hear(first);
      // What has come meanwhile is asked in the same turn, and so can share a transaction.
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        hear(next.message);
      }
    });
    tell({ type: "opened" });
  } catch (error) {
    await end(() => Promise.reject(error));
  }
}

async function answer(engine: Engine, { id, name, input }: Request): Promise<Answer> {
  try {
    return { id, type: "done", result: await engine.run(name, input as never) };
  } catch (error) {
    return { id, type: "failed", error: recordOf(error) };
  }
}

/** Answers that come together, as those of one transaction do, are told together. */
class Answers {
  readonly #tell: (answers: readonly Answer[]) => void;
  #waiting: Answer[] = [];

  constructor(tell: (answers: readonly Answer[]) => void) {
    this.#tell = tell;
  }

  add(answer: Answer): void {
    if (this.#waiting.push(answer) === 1) queueMicrotask(() => this.#tell(this.#waiting.splice(0)));
  }
}
