import type { RenderOutcome, TemplateClaims, TemplateProblem } from "./render-template.js";
import {
  FACT_FIXTURES,
  type FixtureName,
  SYSTEM_FIXTURES,
  TOOL_FIXTURES,
  TURN_FIXTURES,
  TYPE_PAIRS,
} from "./template-fixtures.js";

/** What is known of a template when its check has ended. */
export type TemplateFindings =
  | { readonly type: "not_compiled"; readonly problem: TemplateProblem }
  | {
      readonly type: "compiled";
      readonly claims: TemplateClaims;
      readonly fixtures: readonly FixtureFinding[];
      /** False when the check was ended before all fixtures had been rendered. */
      readonly complete: boolean;
    }
  /** The check was ended before it came to anything. */
  | { readonly type: "unfinished" };

export interface FixtureFinding {
  readonly fixture: FixtureName;
  /** Whether the outcome counts: what a template does not claim to do it need not do. */
  readonly counts: boolean;
  readonly outcome: RenderOutcome;
}

/** What templates can express, as far as it was tried: `undefined` means it was not. */
export interface TemplateSupport {
  readonly system?: boolean;
  /** Tools are shown to the model, and a call with its result renders. */
  readonly tools?: boolean;
  readonly parallel_tools?: boolean;
  readonly image?: boolean;
  readonly video?: boolean;
}

/** A variant that is used only with tools: how it renders anything else does not matter. */
const TOOL_VARIANT = "tool_use";
/** A variant that is used only with documents (Cohere's), of which no fixture has any. */
const DOCUMENT_VARIANT = "rag";

/** Whether a fixture counts for a template of this name and with these claims. */
export function countsFor(name: string, claims: TemplateClaims, fixture: FixtureName): boolean {
  if (FACT_FIXTURES.has(fixture) || name === DOCUMENT_VARIANT) return false;
  if (TOOL_FIXTURES.has(fixture)) return claims.tools;
  if (fixture === "video") return claims.video;
  return name !== TOOL_VARIANT;
}

/**
 * Whether a template works, as far as our renderer can tell: the server has another, and has the last word.
 *
 * `false`, a suspicion, takes a reason: it does not compile; or a fixture that counts makes the renderer fail; or it
 * refuses every fixture, so that nothing can be said through it. A refusal of some (`raise_exception`: no system role, no
 * second call in a message) is the template's own rule, and only a fact for {@link supportOf}. What our renderer lacks
 * says nothing of the template. A check that was ended early leaves no opinion, unless a failure came first: a busy
 * machine looks the same as an endless template, and a backend that hangs on one is seen by what it does to requests.
 */
export function verdictOf(findings: TemplateFindings): boolean | undefined {
  switch (findings.type) {
    case "not_compiled":
      return false;
    case "unfinished":
      return undefined;
    case "compiled": {
      const { fixtures, complete } = findings;
      const counted = fixtures.filter(({ counts }) => counts);
      if (counted.some(({ outcome }) => outcome.type === "failed")) return false;
      if (!complete || counted.some(({ outcome }) => outcome.type === "unsupported")) return undefined;
      if (fixtures.some(({ outcome }) => outcome.type === "rendered")) return true;
      return fixtures.every(({ outcome }) => outcome.type === "refused") ? false : undefined;
    }
  }
}

/** Whether tools need a string `type` in their schemas: some template takes them with it, and not without it. */
export function needsStringTypes(all: readonly TemplateFindings[]): boolean | undefined {
  const known = all.flatMap((findings) => {
    if (findings.type !== "compiled" || !findings.claims.tools) return [];
    return TYPE_PAIRS.flatMap(([strict, loose]) => {
      const [taken, outcome] = [outcomeIn(findings, strict), outcomeIn(findings, loose)];
      return taken?.type !== "rendered" || outcome === undefined ? [] : [outcome.type !== "rendered"];
    });
  });
  return known.length === 0 ? undefined : known.includes(true);
}

/** Whether a second system message, at the head or later on, reaches the model. @param used the template that chats use */
export function systemAnywhere(used: TemplateFindings | undefined): boolean | undefined {
  if (used?.type !== "compiled" || outcomeIn(used, "chat")?.type !== "rendered") return undefined;
  const shown = SYSTEM_FIXTURES.map((name) => {
    const outcome = outcomeIn(used, name);
    if (outcome?.type === "rendered") return outcome.shown;
    return outcome?.type === "refused" ? false : undefined;
  });
  if (shown.includes(false)) return false;
  return shown.includes(undefined) ? undefined : true;
}

/** Whether user and assistant need not take turns. @param used the template that chats use */
export function turnsAnywhere(used: TemplateFindings | undefined): boolean | undefined {
  if (used?.type !== "compiled" || outcomeIn(used, "chat")?.type !== "rendered") return undefined;
  const outcomes = TURN_FIXTURES.map((name) => outcomeIn(used, name)?.type);
  if (outcomes.includes("refused")) return false;
  return outcomes.every((type) => type === "rendered") ? true : undefined;
}

function outcomeIn({ fixtures }: Extract<TemplateFindings, { type: "compiled" }>, name: FixtureName) {
  return fixtures.find(({ fixture }) => fixture === name)?.outcome;
}

/** A model's templates all have to work. @returns `undefined` when there is none, or none failed and one has no verdict */
export function verdictOfAll(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  if (verdicts.includes(false)) return false;
  return verdicts.length === 0 || verdicts.includes(undefined) ? undefined : true;
}

/** What the templates of a model can express between them. */
export function supportOf(all: readonly TemplateFindings[]): TemplateSupport {
  const supports: Record<string, boolean> = {};
  for (const findings of all) {
    if (findings.type !== "compiled") continue;
    for (const [feature, value] of Object.entries(supportOfOne(findings.fixtures))) {
      supports[feature] = supports[feature] === true || value;
    }
  }
  return supports;
}

function supportOfOne(fixtures: readonly FixtureFinding[]): Record<string, boolean> {
  const outcomes = new Map(fixtures.map(({ fixture, outcome }) => [fixture, outcome]));
  const shows = (name: FixtureName): boolean => {
    const outcome = outcomes.get(name);
    return outcome?.type === "rendered" && outcome.shown;
  };
  const tried = (name: FixtureName, value: boolean): object => (outcomes.has(name) ? { [name]: value } : {});
  return {
    ...tried("system", shows("system")),
    ...(outcomes.has("tool_flow")
      ? { tools: shows("tools_offered") && outcomes.get("tool_flow")?.type === "rendered" }
      : {}),
    ...tried("parallel_tools", shows("parallel_tools")),
    ...tried("image", shows("image")),
    ...tried("video", shows("video")),
  };
}
