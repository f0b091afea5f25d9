import { type Clock, deadline } from "@hearth/platform";
import { EngineReader } from "./kinds/engine.js";
import { OpenAiReader } from "./kinds/openai.js";
import { fetchModelList } from "./model-list.js";
import type { ServerApi } from "./server-api.js";
import type { ServerProfile, ServerReader } from "./server-profile.js";
import { SERVER_PROFILES } from "./server-profiles.js";

/** Readers by what a server's list of models says in `owned_by`: no need to ask for paths that it may not know. */
const READERS: ReadonlyMap<string | undefined, (api: ServerApi) => ServerReader> = new Map<
  string | undefined,
  (api: ServerApi) => ServerReader
>([
  ...SERVER_PROFILES.filter(({ hides }) => hides === undefined).map(
    (profile): [string | undefined, (api: ServerApi) => ServerReader] => [profile.owner, (api) => profile.reader(api)],
  ),
  ["hearth", (api) => new EngineReader(api)],
]);

/** Servers that hide in a list like anybody's. */
const ASKED = SERVER_PROFILES.filter(({ hides }) => hides === true);

/** Programs that answer to Ollama's endpoints as well and are something else. */
const IMITATORS: ReadonlySet<string> = new Set(["koboldcpp", "llama-swap"]);

/** The limit of all questions together; a server that never answers unknown paths is of no known kind, ms. */
const RECOGNISE_MS = 2_000;

/**
 * The best reader for a server of which only the URL is known: by what its list says, else by its own endpoints.
 *
 * @throws AgentError `server_unusable` when it has no list of models
 * @throws Error when no answer comes
 */
export async function recognise(api: ServerApi, clock: Clock, signal: AbortSignal): Promise<ServerReader> {
  const [first] = await fetchModelList(api, signal);
  const owner = ownerOf(first);
  const told = owner === undefined ? undefined : READERS.get(owner);
  if (told !== undefined) return told(api);
  if (owner !== undefined && IMITATORS.has(owner)) return new OpenAiReader(api);
  using limit = deadline(clock, RECOGNISE_MS, signal);
  const likeliest = [...ASKED.filter((each) => each.owner === owner), ...ASKED.filter((each) => each.owner !== owner)];
  for (const kind of likeliest) {
    if (await isOf(kind, api, limit.signal)) return kind.reader(api);
    signal.throwIfAborted();
  }
  return new OpenAiReader(api);
}

/** A server that gives no answer to a kind's question is not of that kind. */
async function isOf(kind: ServerProfile, api: ServerApi, signal: AbortSignal): Promise<boolean> {
  try {
    return (await kind.identify(api, signal)) !== undefined;
  } catch {
    return false;
  }
}

function ownerOf(entry: unknown): string | undefined {
  const owner = (entry as { readonly owned_by?: unknown } | null | undefined)?.owned_by;
  return typeof owner === "string" ? owner : undefined;
}
