import { type Clock, deadline } from "../platform/clock.js";
import type { TemplateCheck } from "./template-check.js";
import { type FixtureName, fixturesFor } from "./template-fixtures.js";

/** A rendering is a few kilobytes and takes milliseconds; a server that is busy may take this long, ms. */
const CONFIRM_TIMEOUT_MS = 5_000;
/** There is no such endpoint, or not for us, or not now: the model may be loading. */
const UNANSWERED: ReadonlySet<number> = new Set([401, 403, 404, 405, 429, 501, 503]);

export interface LlamaServerAddress {
  /** Like `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly key?: string;
  readonly clock: Clock;
}

/**
 * Asks a llama-server, at its `/apply-template`, whether it renders what our renderer failed on: it has a renderer of its
 * own that can do more. Never rejects.
 *
 * @returns whether it renders all of that; `undefined` when it does not say, or cannot be asked (pictures)
 */
export async function confirmWithLlamaServer(
  server: LlamaServerAddress,
  check: TemplateCheck,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const failed = failedFixtures(check);
  const texts = fixturesFor("llama_cpp", false);
  for (const name of failed) {
    // Its last spelling is OpenAI's: arguments are text, and what is absent is left out.
    const body = texts.find((fixture) => fixture.name === name)?.spellings.at(-1);
    const answer = body === undefined ? undefined : await renders(server, body, signal);
    if (answer !== true) return answer;
  }
  return failed.size === 0 ? undefined : true;
}

/** Of a template that does not compile, every fixture failed. */
function failedFixtures({ templates }: TemplateCheck): ReadonlySet<FixtureName> {
  const failed = new Set<FixtureName>();
  for (const { findings } of templates) {
    if (findings.type === "not_compiled") for (const { name } of fixturesFor("llama_cpp", false)) failed.add(name);
    if (findings.type !== "compiled") continue;
    for (const { fixture, counts, outcome } of findings.fixtures) {
      if (counts && outcome.type === "failed") failed.add(fixture);
    }
  }
  return failed;
}

async function renders(
  { origin, key, clock }: LlamaServerAddress,
  { messages, tools }: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  using limit = deadline(clock, CONFIRM_TIMEOUT_MS, signal);
  try {
    const response = await fetch(`${origin}/apply-template`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ messages, ...(tools ? { tools } : {}) }),
      signal: limit.signal,
    });
    await response.body?.cancel();
    if (response.ok) return true;
    return UNANSWERED.has(response.status) ? undefined : false;
  } catch {
    return undefined;
  }
}
