import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { describeFault } from "@hearth/platform";
import { coordinatorOrigin } from "../../enrol/coordinator-origin.js";
import type { AgentStatus, ModelStatus } from "../../local/agent-status.js";
import { AgentError } from "../../platform/agent-error.js";
import { RunningAgent } from "../running-agent.js";
import { type Check, type CheckResult, fail, ok, skipped } from "./check.js";

/** A refusal is a few hundred bytes; of more, the beginning says enough. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Of a message, characters. */
const MAX_WORDS = 300;

/** How long the coordinator may take, s: less than this check may, so that its own words come back. */
const PATIENCE_SECONDS = 100;
/** … where it has said already that something keeps requests away. */
const STOPPED_PATIENCE_SECONDS = 5;

const NO_KEY = "set HEARTH_API_KEY to an API key of yours, and a request for one token is sent to this machine";

/** The whole way of a request: through the coordinator to the agent that runs here, and its answer back. */
export const requestCheck: Check = {
  id: "request",
  title: "Request for a token",
  async run({ settings, env, clock }, signal) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const key = env["HEARTH_API_KEY"];
    if (!key) return skipped(NO_KEY);
    let status: AgentStatus;
    try {
      status = await RunningAgent.find(settings, clock).status(signal);
    } catch (error) {
      if (error instanceof AgentError) return skipped("no agent runs that could be asked");
      throw error;
    }
    const { connection, models } = status;
    if (connection.type !== "registered") return skipped("the agent is not connected");
    const model = bestOf(models);
    if (model === undefined) return skipped("the agent has no model that could answer");
    const { coordinator, provider_id: provider } = connection;
    const isStopped = status.eligibility?.some((each) => each.model === model.id && each.gates.length > 0) === true;
    const asked = { coordinator, provider, key, model: model.id, advice: isStopped ? status.advice : undefined };
    return await ask(asked, signal);
  },
};

/** One that is loaded already, where there is one. */
function bestOf(models: readonly ModelStatus[]): ModelStatus | undefined {
  const able = models.filter(({ state, template_ok }) => state !== "crashed" && template_ok !== false);
  return able.find(({ state }) => state === "idle" || state === "running") ?? able[0];
}

interface Asked {
  /** WebSocket URL. */
  readonly coordinator: string;
  readonly provider: string;
  readonly key: string;
  readonly model: string;
  /** What keeps requests away, as the coordinator has said; `undefined` = nothing, as far as is known. */
  readonly advice: readonly string[] | undefined;
}

async function ask({ coordinator, provider, key, model, advice }: Asked, signal: AbortSignal): Promise<CheckResult> {
  let url: URL;
  try {
    url = new URL("/v1/chat/completions", coordinatorOrigin(coordinator, false));
  } catch (error) {
    // The key would travel readable.
    if (error instanceof AgentError) return skipped(error.message);
    throw error;
  }
  const headers = {
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
    "x-hearth-providers": provider,
    "x-hearth-timeout": String(advice === undefined ? PATIENCE_SECONDS : STOPPED_PATIENCE_SECONDS),
  };
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], max_tokens: 1 });
  try {
    const answer = await post(url, { headers, body }, signal);
    if (answer.status === 200) return ok(`${model} answered, through ${url.host}`);
    const said = `${model}: HTTP ${answer.status}, ${wordsOf(answer.text)}`;
    if (answer.status === 401)
      return fail(`${url.host} does not take HEARTH_API_KEY`, "Correct it: an API key, no provider token.");
    // It may make embeddings only.
    if (answer.status === 400 && advice === undefined) return skipped(said);
    return fail(
      said,
      sayingOf(advice) ??
        "'hearth-agent status' says what keeps requests away, 'hearth-agent logs' what happened to this one.",
    );
  } catch (error) {
    const why = signal.aborted ? "no answer in time" : (describeFault(error).code ?? "the connection broke");
    return fail(
      `${model}: ${why}`,
      sayingOf(advice) ?? "'hearth-agent logs' says whether the request came, and what the model server did.",
    );
  }
}

/** Why this machine gets nothing is known here already, better than the refusal of one request can say it. */
const sayingOf = (advice: readonly string[] | undefined): string | undefined =>
  advice === undefined ? undefined : `The coordinator says: ${advice.join(" ")}`;

interface Posted {
  readonly status: number;
  readonly text: string;
}

function post(
  url: URL,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  signal: AbortSignal,
): Promise<Posted> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", headers, signal, agent: false }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on("data", (part: Buffer) => {
        if (bytes < MAX_ANSWER_BYTES) parts.push(part);
        bytes += part.length;
      });
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function wordsOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { readonly error?: { readonly message?: unknown } };
    if (typeof error?.message === "string") return error.message.slice(0, MAX_WORDS);
  } catch {
    // No coordinator's answer.
  }
  return "without a word";
}
