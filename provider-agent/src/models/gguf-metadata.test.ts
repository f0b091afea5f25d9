import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GgufTestFile, ggufFile } from "../testing/gguf-file.js";
import { type GgufReading, readGgufMetadata } from "./gguf-metadata.js";

const PICO = fileURLToPath(new URL("../../models/pico/pico.gguf", import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-gguf-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function readBytes(bytes: Uint8Array): Promise<GgufReading> {
  const path = join(folder, "file.gguf");
  writeFileSync(path, bytes);
  return await readGgufMetadata(path);
}

async function problemOf(file: GgufTestFile | Uint8Array): Promise<string | undefined> {
  const reading = await readBytes(file instanceof Uint8Array ? file : ggufFile(file));
  return reading.type === "unreadable" ? reading.problem : undefined;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};
const listOf = (type: number, count: bigint, ...rest: Buffer[]): { readonly raw: Buffer } => ({
  raw: Buffer.concat([u32(9), u32(type), u64(count), ...rest]),
});

describe("readGgufMetadata", () => {
  it("reads a real model", async () => {
    const reading = await readGgufMetadata(PICO);
    if (reading.type !== "read") throw new Error(reading.problem);
    const { templates, ...facts } = reading.metadata;
    expect(facts).toEqual({
      kind: "model",
      architecture: "llama",
      name: "pico",
      contextLength: 2048,
      quantization: "F16",
      parameterCount: 1_291_648,
      parts: 1,
      vision: false,
      specialTokens: { bos_token: "<s>", eos_token: expect.any(String), unk_token: "<unk>" },
    });
    expect(templates).toEqual([
      { name: "default", origin: "tokenizer.chat_template", source: expect.stringContaining("<|im_start|>") },
    ]);
  });

  it.each([false, true])("reads variants of templates, tokens and parts (big-endian: %s)", async (bigEndian) => {
    const values = {
      "general.architecture": "qwen2",
      "general.file_type": 15,
      "qwen2.context_length": 32_768,
      "split.count": 3,
      "tokenizer.chat_template.tool_use": "tools",
      "tokenizer.chat_template": "plain",
      "tokenizer.chat_templates": ["tool_use"],
      "tokenizer.ggml.tokens": ["a", "b", "<end>"],
      "tokenizer.ggml.eos_token_id": 2,
      "tokenizer.ggml.bos_token_id": 3,
    };
    const reading = await readBytes(ggufFile({ values, tensors: [[4, 8], [3]], bigEndian }));
    expect(reading).toEqual({
      type: "read",
      metadata: {
        ...{ kind: "model", architecture: "qwen2", name: undefined, contextLength: 32_768, quantization: "Q4_K_M" },
        ...{ parameterCount: 35, parts: 3, vision: false, specialTokens: { eos_token: "<end>" } },
        templates: [
          { name: "default", origin: "tokenizer.chat_template", source: "plain" },
          { name: "tool_use", origin: "tokenizer.chat_template.tool_use", source: "tools" },
        ],
      },
    });
  });

  it("knows a projector, and whether it sees", async () => {
    const values = { "general.architecture": "clip", "clip.has_vision_encoder": true };
    const reading = await readBytes(ggufFile({ values }));
    expect(reading).toMatchObject({ type: "read", metadata: { kind: "projector", vision: true } });
  });

  it("passes over a vocabulary that is larger than a window, and finds tokens in it", async () => {
    const tokens = Array.from({ length: 200_000 }, (_, index) => `token ${index}`);
    const values = { "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.eos_token_id": 199_999, after: "x" };
    const reading = await readBytes(ggufFile({ values }));
    expect(reading).toMatchObject({ metadata: { specialTokens: { eos_token: "token 199999" } } });
  });

  it("refuses every file that is cut off before its weights", async () => {
    const whole = ggufFile({
      values: { "general.architecture": "llama", list: ["a", "b"], "tokenizer.ggml.tokens": ["x"], flag: true },
      tensors: [[2, 2]],
      weights: Buffer.alloc(0),
    });
    expect(await problemOf(whole)).toBeUndefined();
    for (let length = 0; length < whole.length; length += 1) {
      expect(await problemOf(whole.subarray(0, length)), `${length} bytes`).toBe("the file is cut off");
    }
  });

  it.each<[string, GgufTestFile | Uint8Array, string]>([
    ["another kind of file", Buffer.from("PK\u0003\u0004 and so on, long enough"), "it is no GGUF file"],
    ["an unknown version", { version: 1 }, "its GGUF version (1) is not known"],
    [
      "more values than can be",
      Buffer.concat([Buffer.from("GGUF"), u32(3), u64(0n), u64(1n << 40n)]),
      "its counts are impossibly large",
    ],
    [
      "a number beyond all sizes",
      Buffer.concat([Buffer.from("GGUF"), u32(3), u64(2n ** 64n - 1n), u64(0n)]),
      "a number in it is impossibly large",
    ],
    [
      "a text longer than the file",
      { values: { a: { raw: Buffer.concat([u32(8), u64(1n << 30n)]) } } },
      "the file is cut off",
    ],
    ["a list longer than the file", { values: { a: listOf(4, 50_000_000n) } }, "the file is cut off"],
    ["a list of texts longer than the file", { values: { a: listOf(8, 90_000_000n) } }, "the file is cut off"],
    ["a list longer than any", { values: { a: listOf(0, 1n << 50n) } }, "a list in it is impossibly long"],
    ["an unknown type", { values: { a: { raw: u32(99) } } }, "a value in it has an unknown type (99)"],
    ["a list of an unknown type", { values: { a: listOf(99, 1n) } }, "a list in it has an unknown type (99)"],
    [
      "lists in lists without end",
      { values: { a: listOf(9, 1n, ...Array.from({ length: 9 }, () => Buffer.concat([u32(9), u64(1n)]))) } },
      "lists in it are nested too deep",
    ],
    [
      "a tensor of too many dimensions",
      { tensors: [Array.from({ length: 9 }, () => 1)] },
      "a tensor in it has too many dimensions",
    ],
  ])("refuses %s", async (_, file, problem) => {
    expect(await problemOf(file)).toBe(problem);
  });

  it("believes no count of weights that the file has no room for", async () => {
    const tensors = [[2 ** 40, 2 ** 40, 2 ** 40]];
    expect(await readBytes(ggufFile({ tensors }))).toMatchObject({ metadata: { parameterCount: undefined } });
  });

  it("never rejects, whatever byte of a real file is another", async () => {
    const real = readFileSync(PICO).subarray(0, 60_000);
    await fc.assert(
      fc.asyncProperty(fc.nat(real.length - 1), fc.integer({ min: 0, max: 255 }), async (at, value) => {
        const damaged = Buffer.from(real);
        damaged[at] = value;
        expect(["read", "unreadable"]).toContain((await readBytes(damaged)).type);
      }),
      { numRuns: 200 },
    );
  });

  it("says of a missing file and a folder what they are", async () => {
    expect(await readGgufMetadata(join(folder, "none"))).toEqual({ type: "unreadable", problem: "ENOENT" });
    expect(await readGgufMetadata(folder)).toMatchObject({ type: "unreadable" });
  });
});
