import { join } from "node:path";

/** Where programs keep models. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The folders in which the usual programs keep what they download, whether they exist or not: llama.cpp
 * (`common/common.cpp`, `fs_get_cache_directory`), LM Studio (0.3 and before), and Hugging Face's hub, which MLX and vLLM
 * share.
 */
export function modelPlaces({ platform, home, env }: Machine): string[] {
  const cache = env["XDG_CACHE_HOME"] || join(home, ".cache");
  const hub = env["HF_HUB_CACHE"] || join(env["HF_HOME"] || join(cache, "huggingface"), "hub");
  return [
    env["LLAMA_CACHE"] || join(llamaCacheParent(platform, home, env) ?? cache, "llama.cpp"),
    join(home, ".lmstudio", "models"),
    join(home, ".cache", "lm-studio", "models"),
    hub,
  ];
}

function llamaCacheParent(platform: NodeJS.Platform, home: string, env: Machine["env"]): string | undefined {
  if (platform === "darwin") return join(home, "Library", "Caches");
  if (platform === "win32") return env["LOCALAPPDATA"] || join(home, "AppData", "Local");
  return undefined;
}
