import { describe, expect, it } from "vitest";
import { findModel } from "./list-models.js";
import type { ScannedModel } from "./scan-models.js";

function model(id: string, path: string, format: ScannedModel["format"] = "gguf"): ScannedModel {
  return { id, path, format, files: [path], weightsBytes: 1, projector: undefined, vision: false };
}

const MODELS = [
  model("Qwen2.5-7B-Q4_K_M", "/lm/qwen/Qwen2.5-7B-Q4_K_M.gguf"),
  model("mlx-community/Qwen3-4bit", "/hub/snapshots/abc", "safetensors"),
  model("twice", "/a/twice.gguf"),
  model("twice", "/b/twice.gguf"),
];

describe("findModel", () => {
  it.each([
    ["mlx-community/Qwen3-4bit", "/hub/snapshots/abc"],
    ["/hub/snapshots/abc", "/hub/snapshots/abc"],
    ["qwen2.5-7b-q4_k_m", "/lm/qwen/Qwen2.5-7B-Q4_K_M.gguf"],
    ["qwen/Qwen2.5-7B-Q4_K_M.gguf", "/lm/qwen/Qwen2.5-7B-Q4_K_M.gguf"],
    ["/b/twice.gguf", "/b/twice.gguf"],
  ])("knows %s", (id, path) => {
    expect(findModel(MODELS, id)?.path).toBe(path);
  });

  it.each(["twice", "abc", "qwen2.5", ""])("does not guess what %j means", (id) => {
    expect(findModel(MODELS, id)).toBeUndefined();
  });
});
