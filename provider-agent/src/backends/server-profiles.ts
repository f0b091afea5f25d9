import { LLAMA_SERVER } from "./kinds/llama-server.js";
import { LM_STUDIO } from "./kinds/lm-studio.js";
import { MLX_LM } from "./kinds/mlx-lm.js";
import { OLLAMA } from "./kinds/ollama.js";
import { VLLM } from "./kinds/vllm.js";
import type { ServerProfile } from "./server-profile.js";

/** Every kind of server whose own endpoints are known. One more is its file in `kinds/`, and its line here. */
const KNOWN = [LLAMA_SERVER, OLLAMA, LM_STUDIO, MLX_LM, VLLM] as const;

/** What a configuration may call such a server. */
export type ServerKind = (typeof KNOWN)[number]["name"];

export const SERVER_PROFILES: readonly (ServerProfile & { readonly name: ServerKind })[] = KNOWN;

const BY_NAME: ReadonlyMap<ServerKind, ServerProfile> = new Map(KNOWN.map((profile) => [profile.name, profile]));

export const profileOf = (kind: ServerKind): ServerProfile => BY_NAME.get(kind) as ServerProfile;

/** Where a server of this kind usually listens, up to and including `/v1`. */
export const usualUrlOf = (kind: ServerKind): string => `http://127.0.0.1:${profileOf(kind).usualPort}/v1`;
