import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { drawUserCode, readUserCode, showUserCode } from "./user-code.js";

const random = (): string => randomBytes(24).toString("base64url");

it("draws 8 consonants, each as often as the others", () => {
  const counts = new Map<string, number>();
  for (let n = 0; n < 5_000; n++) {
    const code = drawUserCode(random);
    expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
    for (const letter of code) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  expect(counts.size).toBe(20);
  // 40,000 letters: 2,000 each, with a standard deviation of 44.
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(300);
});

it("draws on when the bytes at hand are unfair or too few", () => {
  const draws = [Buffer.alloc(24, 255), Buffer.of(0, 240, 19), Buffer.alloc(24, 20)];
  expect(drawUserCode(() => (draws.shift() as Buffer).toString("base64url"))).toBe("BZBBBBBB");
});

it("reads a code however it is typed", () => {
  for (const typed of ["WDJB-MJHT", "wdjbmjht", "  wdjb mjht ", "Wdjb—Mjht", "w.d.j.b/m_j:h;t", "WDJB\u00a0MJHT\n"]) {
    expect(readUserCode(typed), typed).toBe("WDJBMJHT");
  }
});

it("takes for no code what cannot be one", () => {
  for (const typed of [
    "",
    "WDJB-MJH",
    "WDJB-MJHTT",
    "WDJB-MJHA",
    "WDJB-MJH1",
    "ẄDJB-MJHT",
    "W".repeat(8) + "-".repeat(99),
  ]) {
    expect(readUserCode(typed), typed).toBeUndefined();
  }
});

it("shows a code in two groups", () => {
  expect(showUserCode("WDJBMJHT")).toBe("WDJB-MJHT");
});
