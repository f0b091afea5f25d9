import { describe, expect, it } from "vitest";
import { readModelList, readProps, readSlots, withProps } from "./model-discovery.js";

describe("reading a list of models", () => {
  it("takes what each kind of server says", () => {
    const list = readModelList({
      data: [
        { id: "llama", owned_by: "llamacpp", meta: { n_ctx_train: 8_192, size: 1_000, ftype: "Q4_K_M" } },
        { id: "pico", owned_by: "hearth", meta: { n_ctx: 2_048, n_ctx_train: 4_096, slots: 4, tools: true } },
        { id: "vllm", owned_by: "vllm", max_model_len: 32_768 },
        { id: "ollama", owned_by: "library" },
      ],
    });
    const dialects = ["chat_completions", "completions"];
    expect(list?.map(({ advert }) => advert)).toEqual([
      {
        id: "llama",
        context_length: 8_192,
        weights_bytes: 1_000,
        quantization: "Q4_K_M",
        dialects,
        capabilities: {},
      },
      { id: "pico", context_length: 2_048, dialects, capabilities: { tools: true } },
      { id: "vllm", context_length: 32_768, capabilities: {} },
      { id: "ollama", capabilities: {} },
    ]);
    expect(list?.[1]?.slots).toBe(4);
  });

  it("drops what is odd, keeps the rest, and names no model twice", () => {
    const odd = { id: "a", owned_by: 7, max_model_len: -1, meta: { size: "big", tools: "yes", n_ctx: 1e12 } };
    const entries = [odd, odd, { id: "" }, { id: "x".repeat(129) }, null, "b"];
    expect(readModelList({ data: entries })?.map(({ advert }) => advert)).toEqual([{ id: "a", capabilities: {} }]);
  });

  it("knows a list from something else", () => {
    expect(readModelList({ data: [] })).toEqual([]);
    for (const json of [undefined, null, [], { data: {} }, "x"]) expect(readModelList(json)).toBeUndefined();
  });
});

describe("reading llama.cpp's own endpoints", () => {
  it("takes a slot's real context and what the model can see", () => {
    const [model] = readModelList({ data: [{ id: "a", meta: { n_ctx_train: 131_072 } }] }) ?? [];
    const props = readProps({
      total_slots: 2,
      default_generation_settings: { n_ctx: 4_096 },
      modalities: { vision: true },
    });
    expect(model && withProps(model, props).advert).toEqual({
      id: "a",
      context_length: 4_096,
      capabilities: { vision: true },
    });
    expect(props.totalSlots).toBe(2);
  });

  it("counts the slots at work, where they are told", () => {
    expect(readSlots([{ is_processing: true }, { is_processing: false, prompt: "secret" }])).toBe(1);
    expect(readSlots({ error: { code: 501 } })).toBeUndefined();
  });
});
