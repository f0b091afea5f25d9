/** One DER element: its tag, its content, and where in the input the next one begins. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly end: number;
}

/** Tags that certificates and signatures use (ITU-T X.690 §8). */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** What is no DER, or not the DER that was expected. */
export class DerError extends Error {
  constructor(what: string) {
    super(`Malformed DER: ${what}`);
    this.name = "DerError";
  }
}

/**
 * Reads the element that begins at `offset`: one-byte tags and the shortest form of each length only, as DER asks.
 *
 * @throws DerError
 */
function readElement(input: Uint8Array, offset: number): DerElement {
  const tag = input[offset];
  const first = input[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError("it ends early");
  if ((tag & 0x1f) === 0x1f) throw new DerError("a tag of more than one byte");
  const { length, start } = first < 0x80 ? { length: first, start: offset + 2 } : readLongLength(input, offset + 1);
  const end = start + length;
  if (end > input.length) throw new DerError("it ends early");
  return { tag, content: input.subarray(start, end), end };
}

/** Lengths of up to 64 KiB: nothing that is read here comes near. */
function readLongLength(input: Uint8Array, at: number): { length: number; start: number } {
  const count = (input[at] as number) & 0x7f;
  if (count !== 1 && count !== 2) throw new DerError("a length that is indefinite or too great");
  const bytes = input.subarray(at + 1, at + 1 + count);
  if (bytes.length < count) throw new DerError("it ends early");
  const length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  if (length < (count === 1 ? 0x80 : 0x100)) throw new DerError("a length that is not minimal");
  return { length, start: at + 1 + count };
}

/** The only element of its input. @throws DerError when it has another tag, or more follows */
export function readOnly(input: Uint8Array, tag: number): Uint8Array {
  const element = readElement(input, 0);
  if (element.tag !== tag) throw new DerError(`tag ${element.tag} where ${tag} belongs`);
  if (element.end !== input.length) throw new DerError("more follows");
  return element.content;
}

/** Every element of a sequence's content, in order. @throws DerError */
export function readAll(content: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let offset = 0; offset < content.length; ) {
    const element = readElement(content, offset);
    elements.push(element);
    offset = element.end;
  }
  return elements;
}

/** The dotted form of an object identifier's content. @throws DerError */
export function readOid(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  let fresh = true;
  for (const byte of content) {
    if (fresh && byte === 0x80) throw new DerError("an object identifier that is not minimal");
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 0xffff_ffff) throw new DerError("an object identifier that is too great");
    fresh = (byte & 0x80) === 0;
    if (fresh) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [head, ...rest] = arcs;
  if (!fresh || head === undefined) throw new DerError("an object identifier that ends early");
  const top = Math.min(2, Math.floor(head / 40));
  return [top, head - top * 40, ...rest].join(".");
}

/** A small integer, four bytes at most. @throws DerError */
export function readSmallInteger(content: Uint8Array): number {
  const [first, second] = content;
  if (first === undefined || content.length > 4) throw new DerError("an integer that is empty or too great");
  const padded = second !== undefined && (first === 0x00 ? second < 0x80 : first === 0xff && second >= 0x80);
  if (padded) throw new DerError("an integer that is not minimal");
  return content.reduce((value, byte) => (value << 8) | byte, first >= 0x80 ? -1 : 0);
}

/** DER's only two booleans. @throws DerError */
export function readBoolean(content: Uint8Array): boolean {
  const [value] = content;
  if (content.length !== 1 || (value !== 0x00 && value !== 0xff)) throw new DerError("a boolean that is neither");
  return value === 0xff;
}
