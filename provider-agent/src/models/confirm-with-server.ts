import { type Clock, deadline } from "@hearth/platform";
import type { RenderQuestion } from "../backends/backend.js";
import type { TemplateCheck } from "./template-check.js";
import { type FixtureName, fixturesFor } from "./template-fixtures.js";

/** A rendering is a few kilobytes and takes milliseconds; a server that is busy may take this long, ms. */
const CONFIRM_TIMEOUT_MS = 5_000;

/**
 * Lets the server that serves a model have a say on what our renderer failed on: it has one of its own that can do more
 * (llama-server, at `/apply-template`). Never rejects.
 *
 * @returns asks whether it renders all of what failed: `undefined` is no answer, or a question it cannot be asked (pictures)
 */
export function confirmWithServer(
  renders: RenderQuestion,
  clock: Clock,
): (check: TemplateCheck, signal: AbortSignal) => Promise<boolean | undefined> {
  return async (check, signal) => {
    const failed = failedFixtures(check);
    const texts = fixturesFor("llama_cpp", false);
    for (const name of failed) {
      // Its last spelling is OpenAI's: arguments are text, and what is absent is left out.
      const said = texts.find((fixture) => fixture.name === name)?.spellings.at(-1);
      const answer = said === undefined ? undefined : await ask(said);
      if (answer !== true) return answer;
    }
    return failed.size === 0 ? undefined : true;

    async function ask({ messages, tools }: Readonly<Record<string, unknown>>): Promise<boolean | undefined> {
      using limit = deadline(clock, CONFIRM_TIMEOUT_MS, signal);
      const asked = { messages, ...(tools ? { tools } : {}) };
      const rendering = await renders(asked, limit.signal).catch(() => undefined);
      return rendering && rendering.type === "rendered";
    }
  };
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
