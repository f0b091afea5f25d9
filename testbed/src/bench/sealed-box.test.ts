import { describe, expect, it } from "vitest";
import { agree, freshKey, importRaw, open, seal } from "./sealed-box.js";

const HEADER = Buffer.from("header");
const TEXT = Buffer.from("some text");

describe("the sealed floor's encryption", () => {
  const front = freshKey();
  const back = freshKey();
  const ours = agree(front.privateKey, importRaw(back.raw));
  const theirs = agree(back.privateKey, importRaw(front.raw));

  it("is opened by the other side, in either direction", () => {
    expect(open(theirs.request, 0, HEADER, seal(ours.request, 0, HEADER, TEXT).subarray(HEADER.length))).toEqual(TEXT);
    expect(open(ours.response, 7, HEADER, seal(theirs.response, 7, HEADER, TEXT).subarray(HEADER.length))).toEqual(
      TEXT,
    );
  });

  it("hides the text, differently under each sequence number", () => {
    const [first, second] = [0, 1].map((seq) => seal(ours.request, seq, HEADER, TEXT).toString("latin1"));
    expect(first).not.toContain(TEXT.toString());
    expect(first).not.toBe(second);
  });

  it("refuses another sequence number, header, direction or byte", () => {
    const sealed = seal(ours.request, 3, HEADER, TEXT).subarray(HEADER.length);
    expect(() => open(theirs.request, 4, HEADER, sealed)).toThrow();
    expect(() => open(theirs.request, 3, Buffer.from("other!"), sealed)).toThrow();
    expect(() => open(theirs.response, 3, HEADER, sealed)).toThrow();
    sealed[0] = (sealed[0] as number) ^ 1;
    expect(() => open(theirs.request, 3, HEADER, sealed)).toThrow();
  });
});
