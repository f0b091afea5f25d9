// Minimal GGUF v3 writer, no dependency.
import { writeFileSync } from "node:fs";

const u32 = (v) => {
    const b = Buffer.alloc(4);
    b.writeUInt32LE(v);
    return b;
  },
  u64 = (v) => {
    const b = Buffer.alloc(8);
    b.writeBigUInt64LE(BigInt(v));
    return b;
  };
const f32 = (v) => {
    const b = Buffer.alloc(4);
    b.writeFloatLE(v);
    return b;
  },
  i32 = (v) => {
    const b = Buffer.alloc(4);
    b.writeInt32LE(v);
    return b;
  };
const str = (s) => {
  const b = Buffer.from(s);
  return Buffer.concat([u64(b.length), b]);
};
const enc = { u32: [4, u32], i32: [5, i32], f32: [6, f32], bool: [7, (v) => Buffer.from([v ? 1 : 0])], str: [8, str] };
const half = (f) => {
  const o = Buffer.alloc(f.length * 2),
    dv = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < f.length; i++) {
    dv.setFloat32(0, f[i]);
    let x = dv.getUint32(0),
      s = (x >>> 16) & 0x8000,
      e = ((x >>> 23) & 255) - 112,
      m = ((x >>> 13) & 1023) + ((x >>> 12) & 1);
    if (m > 1023) {
      m = 0;
      e++;
    }
    o.writeUInt16LE(e <= 0 ? s : e >= 31 ? s | 0x7c00 : s | (e << 10) | m, i * 2);
  }
  return o;
};
export function writeGguf(
  out,
  meta /* [key,type,value|array] */,
  tensors /* [name,dims,Float32Array] ; 2-D as F16, 1-D as F32 */,
) {
  const head = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(meta.length)],
    data = [];
  let off = 0;
  for (const [k, ty, v] of meta) {
    const [id, f] = enc[ty];
    head.push(
      str(k),
      Array.isArray(v) ? Buffer.concat([u32(9), u32(id), u64(v.length), ...v.map(f)]) : Buffer.concat([u32(id), f(v)]),
    );
  }
  for (const [n, dims, f] of tensors) {
    const q = dims.length > 1,
      b = q ? half(f) : Buffer.from(f.buffer, f.byteOffset, f.byteLength),
      pad = (32 - (b.length % 32)) % 32;
    head.push(str(n), u32(dims.length), ...dims.map(u64), u32(q ? 1 : 0), u64(off));
    data.push(b, Buffer.alloc(pad));
    off += b.length + pad;
  }
  const h = Buffer.concat(head);
  writeFileSync(out, Buffer.concat([h, Buffer.alloc((32 - (h.length % 32)) % 32), ...data]));
}
