import { describe, expect, it } from "vitest";
import { parseCpuList } from "./cores.js";

describe("the kernel's list of cores", () => {
  it("holds ranges and single cores", () => {
    expect(parseCpuList("0-2,5,7-8")).toEqual([0, 1, 2, 5, 7, 8]);
    expect(parseCpuList("3")).toEqual([3]);
    expect(parseCpuList("")).toEqual([]);
  });
});
