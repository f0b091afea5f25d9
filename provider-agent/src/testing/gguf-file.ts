/** A value for {@link ggufFile}; a number is a `u32`. */
export type GgufTestValue = number | boolean | string | readonly string[] | { readonly raw: Buffer };

export interface GgufTestFile {
  readonly values?: Readonly<Record<string, GgufTestValue>>;
  /** The dimensions of each tensor. */
  readonly tensors?: readonly (readonly number[])[];
  readonly weights?: Buffer;
  readonly bigEndian?: boolean;
  readonly version?: number;
}

const TYPE = { u32: 4, bool: 7, text: 8, list: 9 } as const;

/** The bytes of a GGUF file. */
export function ggufFile({ values = {}, tensors = [], weights, bigEndian = false, version = 3 }: GgufTestFile): Buffer {
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const u64 = (value: number | bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    if (bigEndian) bytes.writeBigUInt64BE(BigInt(value));
    else bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const encode = (value: GgufTestValue): Buffer => {
    if (typeof value === "number") return Buffer.concat([u32(TYPE.u32), u32(value)]);
    if (typeof value === "boolean") return Buffer.concat([u32(TYPE.bool), Buffer.from([value ? 1 : 0])]);
    if (typeof value === "string") return Buffer.concat([u32(TYPE.text), text(value)]);
    if ("raw" in value) return value.raw;
    return Buffer.concat([u32(TYPE.list), u32(TYPE.text), u64(value.length), ...value.map(text)]);
  };
  const entries = Object.entries(values);
  return Buffer.concat([
    Buffer.from("GGUF"),
    u32(version),
    u64(tensors.length),
    u64(entries.length),
    ...entries.map(([key, value]) => Buffer.concat([text(key), encode(value)])),
    ...tensors.map((dimensions, index) =>
      Buffer.concat([text(`t${index}`), u32(dimensions.length), ...dimensions.map(u64), u32(0), u64(0)]),
    ),
    weights ?? Buffer.alloc(64),
  ]);
}
