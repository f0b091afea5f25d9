/** Bytes of r and of s. */
const SCALAR_BYTES = 32;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * Turns the DER form of a P-256 signature (RFC 3279 §2.2.3), which Apple's and most other interfaces give, into the
 * 64 bytes r ‖ s of IEEE P1363. The values themselves are for `verifySignature` to judge.
 *
 * @returns `undefined` for anything but one strict DER SEQUENCE of two positive, minimal INTEGERs below 2^256
 */
export function derToP1363(der: Uint8Array): Uint8Array | undefined {
  // Two integers of at most 33 bytes: every length has one byte.
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2 || der.length > 2 + 2 * 35) return undefined;
  const r = readScalar(der, 2);
  if (r === undefined) return undefined;
  const s = readScalar(der, r.end);
  if (s === undefined || s.end !== der.length) return undefined;
  const signature = new Uint8Array(2 * SCALAR_BYTES);
  signature.set(r.value, SCALAR_BYTES - r.value.length);
  signature.set(s.value, 2 * SCALAR_BYTES - s.value.length);
  return signature;
}

/** Half the order of P-256, rounded down (SP 800-186 §3.2.1.3). */
const HALF_ORDER = Buffer.from("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8", "hex");

/** Whether a signature of 64 bytes has the lower s. */
export function isLowS(signature: Uint8Array): boolean {
  return signature.length === 2 * SCALAR_BYTES && HALF_ORDER.compare(signature, SCALAR_BYTES) >= 0;
}

function readScalar(der: Uint8Array, at: number): { value: Uint8Array; end: number } | undefined {
  const length = der[at + 1];
  if (der[at] !== INTEGER || length === undefined || length === 0) return undefined;
  const end = at + 2 + length;
  const content = der.subarray(at + 2, end);
  if (content.length !== length) return undefined;
  const [first, second] = content;
  if (first === undefined || first >= 0x80) return undefined;
  if (first !== 0) return length > SCALAR_BYTES ? undefined : { value: content, end };
  // A zero in front stands only where the number would look negative, or is zero itself.
  if (second !== undefined && second < 0x80) return undefined;
  const value = content.subarray(1);
  return value.length > SCALAR_BYTES ? undefined : { value, end };
}
