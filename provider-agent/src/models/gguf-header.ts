import { AgentError } from "../platform/agent-error.js";
import type { GgufReader } from "./gguf-reader.js";

/** What a GGUF file has before its weights: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export interface GgufHeader {
  readonly version: number;
  /** Numbers, flags and texts; of lists only those of few texts. */
  readonly values: ReadonlyMap<string, GgufValue>;
  /** Where the texts of the vocabulary begin, and how many there are. */
  readonly vocabulary: { readonly offset: number; readonly count: number } | undefined;
  /** Weights that the file's tensors have. */
  readonly parameterCount: number;
}

export type GgufValue = number | boolean | string | readonly string[];

// Far more than any model has, and little enough to be read in no time.
const MAX_VALUES = 4_096;
const MAX_TENSORS = 100_000;
const MAX_DIMENSIONS = 8;
const MAX_KEY_BYTES = 65_535;
const MAX_DEPTH = 4;
const MAX_TEXT_BYTES = 1024 * 1024;
/** A list of so many texts is kept. */
const MAX_KEPT_TEXTS = 64;
const MAX_LIST = 1e8;

const VOCABULARY = "tokenizer.ggml.tokens";

/** The numbers of the value types, and how many bytes those of a fixed size have. */
const TYPE = { bool: 7, text: 8, list: 9 } as const;
const SIZES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [TYPE.bool, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

/** @throws AgentError `gguf_unreadable` */
export async function readHeader(reader: GgufReader): Promise<GgufHeader> {
  const version = await readVersion(reader);
  const tensors = await reader.u64();
  const count = await reader.u64();
  if (tensors > MAX_TENSORS || count > MAX_VALUES)
    throw new AgentError("gguf_unreadable", "its counts are impossibly large");
  const values = new Map<string, GgufValue>();
  let vocabulary: GgufHeader["vocabulary"];
  for (let index = 0; index < count; index += 1) {
    const key = await reader.text(MAX_KEY_BYTES);
    const type = await reader.u32();
    if (key === VOCABULARY && type === TYPE.list) vocabulary = await readVocabulary(reader);
    else keep(values, key, await readValue(reader, type));
  }
  return { version, values, vocabulary, parameterCount: await countParameters(reader, tensors) };
}

function keep(values: Map<string, GgufValue>, key: string, value: GgufValue | undefined): void {
  if (value !== undefined) values.set(key, value);
}

async function readVersion(reader: GgufReader): Promise<number> {
  if ((await reader.bytes(4)).toString("latin1") !== "GGUF")
    throw new AgentError("gguf_unreadable", "it is no GGUF file");
  const version = await reader.u32();
  if (version === 2 || version === 3) return version;
  // A big-endian file of these versions reads as a large number.
  const swapped = Buffer.alloc(4);
  swapped.writeUInt32LE(version);
  const other = swapped.readUInt32BE();
  if (other !== 2 && other !== 3) throw new AgentError("gguf_unreadable", `its GGUF version (${version}) is not known`);
  reader.littleEndian = false;
  return other;
}

async function readValue(reader: GgufReader, type: number): Promise<GgufValue | undefined> {
  if (type === TYPE.text) return await readText(reader);
  if (type === TYPE.list) return await readList(reader);
  const size = SIZES.get(type);
  if (size === undefined) throw new AgentError("gguf_unreadable", `a value in it has an unknown type (${type})`);
  return readNumber(await reader.bytes(size), type, reader.littleEndian);
}

/** A text that is too long is left out: nothing that matters here is. */
async function readText(reader: GgufReader): Promise<string | undefined> {
  const length = await reader.u64();
  if (length <= MAX_TEXT_BYTES) return (await reader.bytes(length)).toString("utf8");
  reader.seek(reader.offset + length);
  return undefined;
}

async function readList(reader: GgufReader): Promise<readonly string[] | undefined> {
  const { type, count } = await readListStart(reader);
  if (type !== TYPE.text || count > MAX_KEPT_TEXTS) {
    await skipList(reader, type, count, 1);
    return undefined;
  }
  const texts: string[] = [];
  for (let index = 0; index < count; index += 1) texts.push((await readText(reader)) ?? "");
  return texts;
}

async function readVocabulary(reader: GgufReader): Promise<GgufHeader["vocabulary"]> {
  const { type, count } = await readListStart(reader);
  const { offset } = reader;
  await skipList(reader, type, count, 1);
  return type === TYPE.text ? { offset, count } : undefined;
}

async function readListStart(reader: GgufReader): Promise<{ readonly type: number; readonly count: number }> {
  const type = await reader.u32();
  const count = await reader.u64();
  if (count > MAX_LIST) throw new AgentError("gguf_unreadable", "a list in it is impossibly long");
  return { type, count };
}

async function skipList(reader: GgufReader, type: number, count: number, depth: number): Promise<void> {
  const size = SIZES.get(type);
  if (size !== undefined) return reader.seek(reader.offset + size * count);
  if (type === TYPE.text) return await reader.skipTexts(count);
  if (type !== TYPE.list) throw new AgentError("gguf_unreadable", `a list in it has an unknown type (${type})`);
  if (depth >= MAX_DEPTH) throw new AgentError("gguf_unreadable", "lists in it are nested too deep");
  for (let index = 0; index < count; index += 1) {
    const inner = await readListStart(reader);
    await skipList(reader, inner.type, inner.count, depth + 1);
  }
}

function readNumber(bytes: Buffer, type: number, little: boolean): number | boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 0:
      return view.getUint8(0);
    case 1:
      return view.getInt8(0);
    case 2:
      return view.getUint16(0, little);
    case 3:
      return view.getInt16(0, little);
    case 4:
      return view.getUint32(0, little);
    case 5:
      return view.getInt32(0, little);
    case 6:
      return view.getFloat32(0, little);
    case TYPE.bool:
      return view.getUint8(0) !== 0;
    case 10:
      return Number(view.getBigUint64(0, little));
    case 11:
      return Number(view.getBigInt64(0, little));
    default:
      return view.getFloat64(0, little);
  }
}

async function countParameters(reader: GgufReader, tensors: number): Promise<number> {
  let total = 0;
  for (let index = 0; index < tensors; index += 1) {
    await reader.skipTexts(1);
    const dimensions = await reader.u32();
    if (dimensions > MAX_DIMENSIONS) throw new AgentError("gguf_unreadable", "a tensor in it has too many dimensions");
    let weights = 1;
    for (let axis = 0; axis < dimensions; axis += 1) weights *= await reader.u64();
    total += weights;
    // The kind of its numbers, and where they are.
    reader.seek(reader.offset + 12);
  }
  return total;
}
