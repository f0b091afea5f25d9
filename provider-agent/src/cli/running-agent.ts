import { request } from "node:http";
import { type Clock, deadline } from "@hearth/platform";
import type { AgentStatus } from "../local/agent-status.js";
import { readRunFile } from "../local/run-file.js";
import { AgentError } from "../platform/agent-error.js";

/** It answers within milliseconds, or it hangs, ms. */
const TIMEOUT_MS = 5_000;

/** The agent that runs on this machine, asked on its loopback endpoint. */
export class RunningAgent {
  /** Of the status page, with the token that opens it. */
  readonly pageUrl: string;
  readonly #url: string;
  readonly #token: string;
  readonly #clock: Clock;

  private constructor(url: string, token: string, clock: Clock) {
    this.pageUrl = `${url}/#${token}`;
    this.#url = url;
    this.#token = token;
    this.#clock = clock;
  }

  /** @throws AgentError `not_running` when no agent of this name says where it can be asked */
  static find({ dataDir, name }: { readonly dataDir: string; readonly name: string }, clock: Clock): RunningAgent {
    const run = readRunFile(dataDir, name);
    if (run === undefined) {
      throw new AgentError(
        "not_running",
        `No agent named '${name}' is running. 'hearth-agent start' starts it in the background.`,
      );
    }
    return new RunningAgent(run.url, run.token, clock);
  }

  /** @throws AgentError `not_running` when it does not answer */
  status(signal: AbortSignal): Promise<AgentStatus> {
    return this.#ask("GET", "/status", undefined, signal);
  }

  /** Takes nothing new. @param forMs absent = until resumed */
  pause(forMs: number | undefined, signal: AbortSignal): Promise<AgentStatus> {
    return this.#ask("POST", "/pause", forMs === undefined ? {} : { for_ms: forMs }, signal);
  }

  resume(signal: AbortSignal): Promise<AgentStatus> {
    return this.#ask("POST", "/resume", {}, signal);
  }

  async #ask(method: "GET" | "POST", path: string, body: unknown, signal: AbortSignal): Promise<AgentStatus> {
    using limit = deadline(this.#clock, TIMEOUT_MS, signal);
    let answer: { readonly status: number; readonly text: string };
    try {
      answer = await this.#send(method, path, body, limit.signal);
    } catch (cause) {
      throw new AgentError(
        "not_running",
        "The agent does not answer: it has ended, or hangs. See 'hearth-agent logs'.",
        { cause },
      );
    }
    if (answer.status === 200) return JSON.parse(answer.text) as AgentStatus;
    throw new AgentError(
      "not_running",
      `The agent answered ${answer.status}: is it another version than this command?`,
    );
  }

  #send(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#url), { method, headers, signal, agent: false }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") });
        });
      });
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
