import type { BodyText } from "../json/body-text.js";

/** What a consumer wishes of the thoughts before an answer; what is absent is left to the model. */
export interface Thinking {
  readonly mode?: "on" | "off" | undefined;
  /** At most so many tokens of them. */
  readonly budgetTokens?: number | undefined;
  /** `low`, `medium`, `high`, or what only some model knows. */
  readonly effort?: string | undefined;
}

/** Efforts by the names of OpenAI's and Anthropic's APIs, where templates and servers have but three. */
const EFFORTS: Readonly<Record<string, string>> = { minimal: "low", xhigh: "high", max: "high" };

/** The wish that an effort is. */
export function wishOfEffort(name: string | null | undefined): Thinking {
  if (!name) return {};
  return name === "none" ? { mode: "off" } : { effort: EFFORTS[name] ?? name };
}

type Body = Readonly<Record<string, unknown>>;

/**
 * The variables for a model's chat template: what the consumer has set by its name goes before its wish, as it was
 * written.
 *
 * @returns `undefined` where there is no wish
 */
export function variablesFor(thinking: Thinking, body: Body, text: BodyText): Body | undefined {
  const wished = templateVariables(thinking);
  if (Object.keys(wished).length === 0) return undefined;
  const own = Object.entries((body[VARIABLES] ?? {}) as Body);
  return { ...wished, ...Object.fromEntries(own.map(([name, value]) => [name, text.at([VARIABLES, name], value)])) };
}

const VARIABLES = "chat_template_kwargs";

/** The members that carry the wish to this backend, without those that the consumer has set by their names. */
export function membersFor(thinking: Thinking, body: Body, backend: string | undefined): Body {
  const members = Object.entries(thinkingMembers(thinking, backend));
  return Object.fromEntries(members.filter(([name]) => (body[name] ?? undefined) === undefined));
}

/**
 * The wish as variables of chat templates, which servers hand on from `chat_template_kwargs` and templates that do not
 * know them ignore: `enable_thinking` (Qwen, GLM, Nemotron), `thinking` (DeepSeek, Granite, Kimi), `thinking_budget`
 * (Seed-OSS, where 0 is none), `reasoning_effort` (gpt-oss). llama-server, vLLM, SGLang and mlx-lm take them; Ollama and
 * LM Studio render templates of their own, and pass them over.
 */
export function templateVariables({ mode, budgetTokens, effort }: Thinking): Readonly<Record<string, unknown>> {
  const isOn = mode === "on";
  return {
    ...(mode === undefined ? {} : { enable_thinking: isOn, thinking: isOn }),
    ...(mode === "off" ? { thinking_budget: 0 } : {}),
    ...(isOn && budgetTokens !== undefined ? { thinking_budget: budgetTokens } : {}),
    ...(effort === undefined || mode === "off" ? {} : { reasoning_effort: effort }),
  };
}

/**
 * The wish as members of a chat completions body, by the program that reads them.
 *
 * - llama-server turns thoughts off by the effort `none`, and ends them after `thinking_budget_tokens`.
 * - Ollama knows no other switch than the effort, and refuses any but `none` for a model that does not think: what
 *   Claude Code sends with every request would be an error there.
 * - vLLM of before 2026 refuses `none`, and goes by the template's variables.
 *
 * @param backend as its provider tells it; absent = not known
 */
export function thinkingMembers(
  { mode, budgetTokens, effort }: Thinking,
  backend: string | undefined,
): Readonly<Record<string, unknown>> {
  if (mode === "off") return TURNS_OFF_BY_EFFORT.has(backend ?? "") ? { reasoning_effort: "none" } : {};
  return {
    ...(effort === undefined || backend === "ollama" ? {} : { reasoning_effort: effort }),
    ...(mode === "on" && budgetTokens !== undefined && backend === "llama-server"
      ? { thinking_budget_tokens: budgetTokens }
      : {}),
  };
}

const TURNS_OFF_BY_EFFORT: ReadonlySet<string> = new Set(["llama-server", "ollama"]);
