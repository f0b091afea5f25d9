import { expect, it } from "vitest";
import { chooseModels } from "./choose-models.js";
import type { ServedModel } from "./server-profile.js";

const model = (id: string, aliases?: readonly string[]): ServedModel => ({
  advert: { id, context_length: 1_024, capabilities: { tools: true } },
  slot: { state: "idle" },
  ...(aliases === undefined ? {} : { aliases }),
});

const ids = (models: readonly ServedModel[]): readonly string[] => models.map(({ advert }) => advert.id);

it("takes all where nothing is named", () => {
  const { models, missing } = chooseModels([model("a"), model("b")], [], true);
  expect(ids(models)).toEqual(["a", "b"]);
  expect(missing).toEqual([]);
});

it("advertises nothing that a complete list lacks: whatever is loaded would answer in its place", () => {
  const { models, missing } = chooseModels([model("tiny")], ["qwen3-8b", "tiny"], true);
  expect(ids(models)).toEqual(["tiny"]);
  expect(missing).toEqual(["qwen3-8b"]);
});

it("believes the owner where a list may have gaps, but never of Ollama's cloud", () => {
  const { models, missing } = chooseModels([model("a")], ["hidden", "gpt-oss:120b-cloud", "hidden"], false);
  expect(models).toEqual([{ advert: { id: "hidden", capabilities: {} }, slot: { state: "idle" } }]);
  expect(missing).toEqual(["gpt-oss:120b-cloud"]);
});

it("knows a model by its other names, with all that is known of it", () => {
  const { models, missing } = chooseModels([model("llama3.2:latest", ["llama3.2"])], ["llama3.2"], true);
  expect(models[0]?.advert).toEqual({ id: "llama3.2", context_length: 1_024, capabilities: { tools: true } });
  expect(missing).toEqual([]);
});
