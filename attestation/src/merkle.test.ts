import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leafHash, MerkleTree, rootOf } from "./merkle.js";

// The entries, roots and paths of the reference implementation of RFC 6962 (certificate-transparency, merkle_tree_test).
const ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const PATH_OF_THE_FIRST_IN_EIGHT = [
  "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
  "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
  "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
];

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array | undefined): string | undefined => data && Buffer.from(data).toString("hex");
const entry = (n: number): Uint8Array => Buffer.from(`entry ${n}`);
const treeOf = (size: number): MerkleTree => new MerkleTree(Array.from({ length: size }, (_, n) => entry(n)));

describe("a Merkle tree", () => {
  it.each(ROOTS.map((root, at) => [at + 1, root] as const))(
    "of %i published entries has the published root",
    (n, root) => {
      expect(hex(new MerkleTree(ENTRIES.slice(0, n).map(bytes)).root)).toBe(root);
    },
  );

  it("gives the published path, and the path leads to the root", () => {
    const proof = new MerkleTree(ENTRIES.map(bytes)).proof(0);
    expect(proof.map(hex)).toEqual(PATH_OF_THE_FIRST_IN_EIGHT);
    expect(hex(rootOf(new Uint8Array(), { index: 0, size: 8, proof }))).toBe(ROOTS[7]);
  });

  it("hashes leaves otherwise than nodes", () => {
    const pair = new MerkleTree([entry(0), entry(1)]);
    const forged = Buffer.concat([leafHash(entry(0)), leafHash(entry(1))]);
    expect(hex(new MerkleTree([forged]).root)).not.toBe(hex(pair.root));
  });

  it("of nothing does not exist, nor does a proof for what is not in it", () => {
    expect(() => new MerkleTree([])).toThrow(RangeError);
    for (const index of [-1, 0.5, 3]) expect(() => treeOf(3).proof(index)).toThrow(RangeError);
  });
});

const SIZES = 70;
const place = fc.integer({ min: 1, max: SIZES }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    index: fc.nat({ max: size - 1 }),
  }),
);

describe("a proof", () => {
  it("of each entry of each size leads to the root, and is as short as it can be", () => {
    for (let size = 1; size <= SIZES; size++) {
      const tree = treeOf(size);
      for (let index = 0; index < size; index++) {
        const proof = tree.proof(index);
        expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
        expect(hex(rootOf(entry(index), { index, size, proof }))).toBe(hex(tree.root));
      }
    }
  });

  it("leads nowhere else: not for another entry or index, and not with a hash more, less or changed", () => {
    fc.assert(
      fc.property(place, fc.nat(), fc.nat(), ({ size, index }, other, at) => {
        const tree = treeOf(size);
        const proof = tree.proof(index);
        const root = hex(tree.root);
        const leadsTo = (n: number, changed: Partial<Parameters<typeof rootOf>[1]>): string | undefined =>
          hex(rootOf(entry(n), { index, size, proof, ...changed }));
        expect(leadsTo(size + other, {})).not.toBe(root);
        const elsewhere = other % size;
        if (elsewhere !== index) {
          expect(leadsTo(elsewhere, {})).not.toBe(root);
          expect(leadsTo(index, { index: elsewhere })).not.toBe(root);
        }
        expect(leadsTo(index, { proof: [...proof, tree.root] })).toBeUndefined();
        expect(leadsTo(index, { index: size })).toBeUndefined();
        if (proof.length === 0) return;
        const which = at % proof.length;
        expect(leadsTo(index, { proof: proof.toSpliced(which, 1) })).toBeUndefined();
        expect(leadsTo(index, { proof: proof.with(which, leafHash(Buffer.from("nobody"))) })).not.toBe(root);
        expect(leadsTo(index, { proof: proof.with(which, new Uint8Array(31)) })).toBeUndefined();
      }),
    );
  });

  it("of a size is none of another size, unless that has the same way to its root", () => {
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: SIZES }), ({ size, index }, claimed) => {
        const tree = treeOf(size);
        const found = rootOf(entry(index), { index, size: claimed, proof: tree.proof(index) });
        // A path says on which side each neighbour is, not how many entries are behind it.
        if (hex(found) === hex(tree.root)) expect(pathOf(index, claimed)).toEqual(pathOf(index, size));
        else expect(claimed).not.toBe(size);
      }),
    );
  });
});

/** On which side the neighbours of an entry are, nearest first, by the definition of RFC 9162 §2.1.3.1. */
function pathOf(index: number, size: number): readonly ("left" | "right")[] {
  if (size <= 1 || index >= size) return [];
  const split = 2 ** Math.floor(Math.log2(size - 1));
  return index < split ? [...pathOf(index, split), "right"] : [...pathOf(index - split, size - split), "left"];
}
