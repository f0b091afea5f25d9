import { describe, expect, it } from "vitest";
import { type CpuProfile, summarise } from "./cpu-profile.js";

function node(id: number, functionName: string, url = "", children: number[] = []): CpuProfile["nodes"][number] {
  return { id, callFrame: { functionName, url, lineNumber: id * 10 - 1 }, children };
}

const OURS = "file:///somewhere/coordinator/dist/http/app.js";
const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(root)", "", [2, 5, 6]),
    node(2, "serve", OURS, [3]),
    node(3, "serve", OURS, [4]),
    node(4, "", "file:///x/node_modules/.pnpm/ws@8/node_modules/ws/lib/sender.js"),
    node(5, "(idle)"),
    node(6, "(garbage collector)"),
  ],
  startTime: 1000,
  samples: [2, 4, 3, 5, 6, 4],
  timeDeltas: [10, 20, 30, 1000, 40, 500],
};

describe("the summary of a CPU profile", () => {
  const { self, inclusive, modules } = summarise(PROFILE, 1000, 1200);
  const shareOf = (list: typeof self, name: string): number | undefined =>
    list.find((entry) => entry.name === name)?.share;
  const all = summarise(PROFILE, 0, Number.POSITIVE_INFINITY);

  it("counts only the samples between the two moments", () => {
    expect(self.map(({ name }) => name)).toEqual([
      "serve coordinator/dist/http/app.js:30",
      "(anonymous) node_modules/ws/lib/sender.js:40",
      "serve coordinator/dist/http/app.js:20",
    ]);
    expect(shareOf(self, "serve coordinator/dist/http/app.js:30")).toBeCloseTo(30 / 60);
  });

  it("leaves idle time out of the whole", () => {
    expect(shareOf(all.self, "(idle)")).toBeUndefined();
    expect(shareOf(all.self, "(garbage collector)")).toBeCloseTo(40 / 600);
  });

  it("gives a function the time of what it calls", () => {
    expect(shareOf(inclusive, "serve coordinator/dist/http/app.js:20")).toBeCloseTo(1);
    expect(shareOf(inclusive, "serve coordinator/dist/http/app.js:30")).toBeCloseTo(50 / 60);
  });

  it("sums up by file of ours and by package of others", () => {
    expect(modules.map(({ name }) => name)).toEqual(["coordinator/dist/http/app.js", "ws"]);
    expect(shareOf(all.modules, "(garbage collector)")).toBeCloseTo(40 / 600);
  });

  it("counts a function that calls itself once", () => {
    const recursive: CpuProfile = {
      ...PROFILE,
      nodes: PROFILE.nodes.map((each) => (each.id === 3 ? { ...node(2, "serve", OURS, [4]), id: 3 } : each)),
    };
    const found = summarise(recursive, 0, Number.POSITIVE_INFINITY).inclusive;
    expect(shareOf(found, "serve coordinator/dist/http/app.js:20")).toBeCloseTo(560 / 600);
  });
});
