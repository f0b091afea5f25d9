import { describe, expect, it } from "vitest";
import { PrefillPacer } from "./prefill-pacer.js";

describe("PrefillPacer", () => {
  it("grows on a fast machine to llama.cpp's batch and no further", () => {
    const pacer = new PrefillPacer();
    for (let i = 0; i < 10; i++) pacer.record(pacer.tokens, 1);
    expect(pacer.tokens).toBe(512);
  });

  it("comes to pieces of about 50 ms", () => {
    const pacer = new PrefillPacer();
    const msPerToken = 0.5;
    for (let i = 0; i < 10; i++) pacer.record(pacer.tokens, pacer.tokens * msPerToken);
    expect(pacer.tokens * msPerToken).toBeCloseTo(50, 0);
  });

  it("never falls below sixteen tokens, however slow the machine", () => {
    const pacer = new PrefillPacer();
    pacer.record(pacer.tokens, 60_000);
    expect(pacer.tokens).toBe(16);
  });
});
