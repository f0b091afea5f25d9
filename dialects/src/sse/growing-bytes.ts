/** Chunks smaller than this are gathered in room for as much, bytes. */
const LEAST_BYTES = 4_096;

/**
 * Bytes that come bit by bit and are wanted as one. Takes at most about twice their memory, however small the bits are,
 * and is linear in what it is given.
 */
export class GrowingBytes {
  #room: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#room.length) this.#grow(length);
    this.#room.set(bytes, this.#length);
    this.#length = length;
  }

  /** All that has come, which is the caller's from now on; there is nothing here any more. */
  take(): Buffer {
    const taken = this.#room.subarray(0, this.#length);
    this.#room = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }

  #grow(length: number): void {
    const room = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#room.length, LEAST_BYTES));
    room.set(this.#room.subarray(0, this.#length));
    this.#room = room;
  }
}
