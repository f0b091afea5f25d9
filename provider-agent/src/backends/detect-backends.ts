import { type Clock, deadline } from "@hearth/platform";
import { OpenAiBackend } from "./openai-backend.js";
import { ServerApi } from "./server-api.js";
import type { ServerIdentity } from "./server-profile.js";
import { SERVER_PROFILES, type ServerKind } from "./server-profiles.js";

/** A server that was found on this machine. */
export interface DetectedBackend {
  readonly kind: ServerKind;
  /** Up to and including `/v1`. */
  readonly url: string;
  readonly version?: string;
  /** Ids; empty when it tells nothing without a key. */
  readonly models: readonly string[];
  readonly needsKey: boolean;
}

export interface DetectDeps {
  readonly clock: Clock;
  /** Instead of the usual ports on loopback: servers' roots, like `http://127.0.0.1:8080`. */
  readonly origins?: readonly string[];
}

/** A port is given up after this, ms: on loopback, a server that works answers within a few. */
const DETECT_TIMEOUT_MS = 2_000;

/** The usual ports of all kinds on loopback. */
const USUAL_ORIGINS: readonly string[] = [...new Set(SERVER_PROFILES.flatMap(({ ports }) => ports))].map(
  (port) => `http://127.0.0.1:${port}`,
);

/**
 * Looks for inference servers on this machine. What listens on a port is known by what it answers, never by the port.
 * The order is that of the ports. Never rejects.
 */
export async function detectBackends(deps: DetectDeps, signal: AbortSignal): Promise<readonly DetectedBackend[]> {
  const origins = deps.origins ?? USUAL_ORIGINS;
  const found = await Promise.all(
    origins.map(async (origin) => {
      using limit = deadline(deps.clock, DETECT_TIMEOUT_MS, signal);
      return await detectAt(origin, limit.signal);
    }),
  );
  return found.filter((each) => each !== undefined);
}

async function detectAt(origin: string, signal: AbortSignal): Promise<DetectedBackend | undefined> {
  const url = `${origin}/v1`;
  const api = new ServerApi(url);
  try {
    for (const kind of likeliestFirst(Number(new URL(origin).port))) {
      const identity = await kind.identify(api, signal);
      if (identity !== undefined) return await describe(kind, url, identity, signal);
    }
    return undefined;
  } catch {
    // Nothing listens there, or it does not speak HTTP.
    return undefined;
  } finally {
    api.http.close();
  }
}

type KnownProfile = (typeof SERVER_PROFILES)[number];

/** The profiles in the order to try: a question to a server of another kind leaves a line in its log. */
function likeliestFirst(port: number): readonly KnownProfile[] {
  const all = SERVER_PROFILES;
  return [...all.filter(({ ports }) => ports.includes(port)), ...all.filter(({ ports }) => !ports.includes(port))];
}

async function describe(
  { name: kind }: KnownProfile,
  url: string,
  { version, needsKey = false }: ServerIdentity,
  signal: AbortSignal,
): Promise<DetectedBackend> {
  const known = { kind, url, needsKey, ...(version === undefined ? {} : { version }) };
  if (needsKey) return { ...known, models: [] };
  const backend = new OpenAiBackend({ baseUrl: url, kind, models: [] });
  const status = await backend.probe(signal);
  await backend.stop();
  return { ...known, models: status.type === "reachable" ? status.models.map(({ id }) => id) : [] };
}
