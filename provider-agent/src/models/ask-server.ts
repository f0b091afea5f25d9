import { type Clock, deadline } from "@hearth/platform";
import type { Rendering, RenderQuestion } from "../backends/backend.js";
import {
  type FixtureName,
  openAiForm,
  SYSTEM_FIXTURES,
  type TemplateConversation,
  TOOL_NAME,
  TURN_FIXTURES,
  TYPE_PAIRS,
} from "./template-fixtures.js";

/** A rendering is a few kilobytes and takes milliseconds; a server that is busy may take this long, ms. */
const ASK_TIMEOUT_MS = 5_000;

/** What the server that serves a model has proven of its chat template. A member that is absent is not known. */
export interface ServerWord {
  /**
   * `true`: it lays out a conversation without tools. `false`: it refuses each of them, and those with tools as well, so
   * that nothing can be said to the model. A refusal of some is the template's own rule.
   */
  readonly renders?: boolean;
  /** `false`: it lays out conversations, and refuses every one with tools, or leaves the tools out. */
  readonly tools?: false;
  /** Whether it refuses tools whose schemas have no string `type` and takes the same ones with it. */
  readonly needsStringTypes?: boolean;
  /** Whether a second system message, at the head or later on, reaches the model with the first. */
  readonly systemAnywhere?: boolean;
  /** Whether a user's message may follow another, and the result of a tool. */
  readonly turnsAnywhere?: boolean;
  /** Whether every question was answered. */
  readonly complete: boolean;
}

const WITHOUT_TOOLS: readonly FixtureName[] = ["chat", "system", ...SYSTEM_FIXTURES];
const WITH_TOOLS: readonly FixtureName[] = ["simple_tool", ...TYPE_PAIRS.flat()];

/** In this order: the first that is not answered ends it. */
const ASKED: readonly FixtureName[] = [...WITHOUT_TOOLS, ...WITH_TOOLS, ...TURN_FIXTURES];

/**
 * Asks the server that serves a model what it makes of a few conversations: it has a renderer of its own, and only that
 * one counts. A time-out, a broken connection or a server that cannot be asked is no answer, and proves nothing. Never
 * rejects.
 */
export async function askServer(renders: RenderQuestion, clock: Clock, signal: AbortSignal): Promise<ServerWord> {
  const ask = async ({ messages, tools }: TemplateConversation): Promise<Rendering | undefined> => {
    using limit = deadline(clock, ASK_TIMEOUT_MS, signal);
    return await renders({ messages, ...(tools ? { tools } : {}) }, limit.signal).catch(() => undefined);
  };
  const said = new Map<FixtureName, Rendering>();
  for (const name of ASKED) {
    const rendering = await ask(openAiForm(name));
    if (rendering === undefined) return { ...wordOf(said), complete: false };
    said.set(name, rendering);
  }
  return { ...wordOf(said), ...(await systemWord(said, ask)), complete: true };
}

type Said = ReadonlyMap<FixtureName, Rendering>;

const renderedIn = (said: Said, name: FixtureName): boolean => said.get(name)?.type === "rendered";
const refusedIn = (said: Said, name: FixtureName): boolean => said.get(name)?.type === "refused";

function wordOf(said: Said): Omit<ServerWord, "complete"> {
  const chats = WITHOUT_TOOLS.some((name) => renderedIn(said, name));
  if (!chats) return ASKED.every((name) => refusedIn(said, name)) ? { renders: false } : {};
  const shown = toolsShown(said);
  const needs = shown === undefined ? undefined : needsTypes(said);
  const turns = turnsAnywhere(said);
  return {
    renders: true,
    ...(refusedIn(said, "simple_tool") || shown === false ? { tools: false } : {}),
    ...(needs === undefined ? {} : { needsStringTypes: needs }),
    ...(turns === undefined ? {} : { turnsAnywhere: turns }),
  };
}

function turnsAnywhere(said: Said): boolean | undefined {
  if (TURN_FIXTURES.some((name) => refusedIn(said, name))) return false;
  return TURN_FIXTURES.every((name) => renderedIn(said, name)) ? true : undefined;
}

/**
 * Whether tools are in what the model is given; `undefined` = not known: versions of vLLM before 0.9 leave them out of
 * what they count, and not of chats.
 */
function toolsShown(said: Said): boolean | undefined {
  const [chat, tool] = [said.get("chat"), said.get("simple_tool")];
  if (tool?.type !== "rendered") return undefined;
  if (tool.prompt !== undefined) return tool.prompt.includes(TOOL_NAME);
  const counted = chat?.type === "rendered" ? chat.tokens : undefined;
  return counted === undefined || tool.tokens === undefined || tool.tokens === counted ? undefined : true;
}

function needsTypes(said: Said): boolean | undefined {
  const known = TYPE_PAIRS.filter(([strict, loose]) => renderedIn(said, strict) && said.has(loose));
  return known.length === 0 ? undefined : known.some(([, loose]) => refusedIn(said, loose));
}

type Ask = (conversation: TemplateConversation) => Promise<Rendering | undefined>;

async function systemWord(said: Said, ask: Ask): Promise<Pick<ServerWord, "systemAnywhere">> {
  if (!WITHOUT_TOOLS.some((name) => renderedIn(said, name))) return {};
  const shown: (boolean | undefined)[] = [];
  for (const name of SYSTEM_FIXTURES) shown.push(await systemShown(name, said, ask));
  if (shown.includes(false)) return { systemAnywhere: false };
  return shown.includes(undefined) ? {} : { systemAnywhere: true };
}

/** Whether every system message of a conversation is in what the model is given. */
async function systemShown(name: FixtureName, said: Said, ask: Ask): Promise<boolean | undefined> {
  const whole = said.get(name);
  if (whole?.type !== "rendered") return whole && false;
  if (whole.prompt !== undefined) return showsIn(name, whole.prompt);
  // A message that is left out makes no difference to what is counted.
  const { messages } = openAiForm(name);
  for (const left of messages.filter(({ role }) => role === "system")) {
    const rest = await ask({ messages: messages.filter((message) => message !== left) });
    if (rest?.type !== "rendered" || rest.tokens === undefined || whole.tokens === undefined) return undefined;
    if (rest.tokens === whole.tokens) return false;
  }
  return true;
}

const showsIn = (name: FixtureName, prompt: string): boolean =>
  openAiForm(name).shows.every((words) => prompt.includes(words));
