import { expect, it } from "vitest";
import type { ServedModel } from "./server-profile.js";
import { withShortIds } from "./short-ids.js";

const served = (...ids: readonly string[]): readonly ServedModel[] =>
  ids.map((id) => ({ advert: { id, capabilities: {} }, slot: { state: "idle" } }));

const shortened = (...ids: readonly string[]) =>
  withShortIds(served(...ids)).map(({ advert, serverId }) => [advert.id, serverId]);

it.each([
  ["/srv/models/qwen3-8b", "qwen3-8b"],
  ["/srv/models/qwen3-8b/", "qwen3-8b"],
  ["/home/me/Qwen3-8B-Q4_K_M.gguf", "Qwen3-8B-Q4_K_M.gguf"],
  ["models/7B/model.gguf", "model.gguf"],
  ["./own", "own"],
  ["~/models/own", "own"],
  ["C:\\Users\\me\\models\\own.gguf", "own.gguf"],
  ["C:/models/own", "own"],
  ["models\\own", "own"],
  ["/root/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/b968826d", "Qwen/Qwen3-8B"],
])("%s is advertised as %s", (path, name) => {
  expect(shortened(path)).toEqual([[name, path]]);
});

it.each(["qwen3-8b", "Qwen/Qwen3-8B", "hf.co/bartowski/X-GGUF:Q4_K_M", "library/llama3.2:latest", "own.gguf", "a/b/c"])(
  "%s stays",
  (id) => expect(shortened(id)).toEqual([[id, undefined]]),
);

it("tells two of one name apart by their folders, and from one that is really called so", () => {
  expect(shortened("/a/model.gguf", "/b/model.gguf", "/c/d/q", "q")).toEqual([
    ["model.gguf", "/a/model.gguf"],
    ["b/model.gguf", "/b/model.gguf"],
    ["d/q", "/c/d/q"],
    ["q", undefined],
  ]);
  expect(shortened("/a/b/q", "/c/b/q", "/d/b/q").map(([id]) => id)).toEqual(["q", "b/q"]);
});

it("leaves out what has no name, or one that is too long", () => {
  expect(shortened("/", "x".repeat(129), `/srv/${"x".repeat(129)}`, `/${"f".repeat(200)}/short`)).toEqual([
    ["short", `/${"f".repeat(200)}/short`],
  ]);
});
