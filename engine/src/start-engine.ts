import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { EngineProcess, type ProcessEnd } from "./child-process.js";
import type { Engine, EngineOptions } from "./engine.js";
import { EngineError } from "./engine-error.js";
import { RunningEngine } from "./running-engine.js";

const DEFAULT_SLOTS = 4;

/**
 * Starts a model in a child process and waits until it serves. The signal gives the start up; an engine that runs is
 * ended by its `stop`.
 * @throws {EngineError}
 */
export async function startEngine(options: EngineOptions, signal?: AbortSignal): Promise<Engine> {
  await checkReadable(options.modelPath);
  if (signal?.aborted) throw aborted(signal);
  const apiKey = randomBytes(32).toString("base64url");
  const { modelPath, modelId, threads, contextTokens, slots = DEFAULT_SLOTS } = options;
  const child = new EngineProcess((line) => options.log?.(line));
  child.send({ type: "start", options: { modelPath, modelId, apiKey, slots, threads, contextTokens } });
  try {
    const port = await readyPort(child, signal);
    return new RunningEngine(child, { port, apiKey, onExit: options.onExit });
  } catch (error) {
    child.kill();
    await child.ended;
    throw error;
  }
}

async function checkReadable(modelPath: string): Promise<void> {
  try {
    await using file = await open(modelPath);
    if ((await file.stat()).isFile()) return;
  } catch (cause) {
    throw new EngineError("model_missing", `The model ${modelPath} cannot be read.`, { cause });
  }
  throw new EngineError("model_missing", `The model ${modelPath} is not a file.`);
}

/** Where the child serves, once it does. */
async function readyPort(child: EngineProcess, signal: AbortSignal | undefined): Promise<number> {
  const abort = whenAborted(signal);
  try {
    const answer = await Promise.race([child.answered, child.ended.then(diedEarly(child)), abort.promise]);
    if (answer.type === "ready") return answer.port;
    throw new EngineError(answer.code, answer.message);
  } finally {
    abort.forget();
  }
}

/** Rejects when the signal comes, until it is told to forget it. */
function whenAborted(signal: AbortSignal | undefined): { promise: Promise<never>; forget: () => void } {
  let forget = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const onAbort = (): void => {
      if (signal !== undefined) reject(aborted(signal));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    forget = () => signal?.removeEventListener("abort", onAbort);
  });
  return { promise, forget };
}

function aborted(signal: AbortSignal): EngineError {
  return new EngineError("aborted", "The start of the engine was given up.", { cause: signal.reason });
}

function diedEarly(child: EngineProcess): (end: ProcessEnd) => never {
  return ({ exitCode, signal, error }) => {
    const how = error?.message ?? (signal === null ? `exit code ${exitCode}` : `signal ${signal}`);
    const output = child.output === "" ? "" : `\n${child.output}`;
    throw new EngineError("child_failed", `The engine's process ended before it was ready: ${how}.${output}`, {
      cause: error,
    });
  };
}
