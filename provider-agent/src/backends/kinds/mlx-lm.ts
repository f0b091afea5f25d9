import { isAbsolute } from "node:path";
import { z } from "zod";
import { fetchModelList, listEntries, modelId, readEntries } from "../model-list.js";
import { isOk, type ServerApi } from "../server-api.js";
import type { ServedModel, ServerProfile, ServerReader, ServerReading } from "../server-profile.js";

const entrySchema = z.object({ id: modelId });
const healthSchema = z.object({ status: z.literal("ok") });

/**
 * `mlx_lm.server`. It has `/health` and `/v1/models`, which lists what lies in the Hugging Face cache by name and the
 * model of its command line by path, and tells neither contexts nor which of them is loaded. It is built on Python's
 * `http.server`, which says so in each answer (`mlx_lm/server.py` at 0.32.0).
 */
export const MLX_LM: ServerProfile<"mlx-lm"> = {
  name: "mlx-lm",
  ports: [8_080],
  usualPort: 8_080,
  hides: true,
  async identify(api, signal) {
    const health = await api.get("health", signal);
    const isPython = health.server.startsWith("BaseHTTP/");
    if (!isPython || !isOk(health) || !healthSchema.safeParse(health.json).success) return undefined;
    const list = await api.get("v1/models", signal);
    return isOk(list) && listEntries(list) !== undefined ? {} : undefined;
  },
  reader: (api) => new MlxLmReader(api),
};

class MlxLmReader implements ServerReader {
  readonly program = "mlx-lm";
  /** It fetches and loads what it is asked for. */
  readonly listsAll = false;
  readonly #api: ServerApi;

  constructor(api: ServerApi) {
    this.#api = api;
  }

  forget(): void {
    // Nothing is remembered.
  }

  async read(signal: AbortSignal): Promise<ServerReading> {
    const models = readEntries(await fetchModelList(this.#api, signal), (entry): ServedModel | undefined => {
      const id = entrySchema.safeParse(entry).data?.id;
      if (id === undefined) return undefined;
      return {
        advert: { id, dialects: ["chat_completions", "completions"], capabilities: { vision: false } },
        slot: { state: "idle" },
        ...(isAbsolute(id) ? { source: { path: id } } : {}),
      };
    });
    return { models };
  }
}
