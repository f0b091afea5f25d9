import { describe, expect, it } from "vitest";
import { readOptions } from "./options.js";

describe("the command line of the bench", () => {
  it("runs everything unless told otherwise", () => {
    expect(readOptions([])).toEqual({
      command: "run",
      quick: false,
      json: undefined,
      hold: undefined,
      record: undefined,
      targets: ["direct", "plain", "sealed", "hearth"],
    });
  });

  it("reads its options", () => {
    const held = ["--hold", "before.json", "--record", "now.json"];
    expect(readOptions(["--quick", "--json", "out.json", "--targets", "direct,sealed", ...held])).toEqual({
      command: "run",
      quick: true,
      json: "out.json",
      hold: "before.json",
      record: "now.json",
      targets: ["direct", "sealed"],
    });
    expect(readOptions(["--quick", "crypto"])).toEqual({ command: "crypto" });
    expect(readOptions(["worst-bodies"])).toEqual({ command: "worst-bodies" });
    expect(readOptions(["selection", "--quick"])).toEqual({ command: "selection", quick: true });
    expect(readOptions(["features", "--quick"])).toEqual({ command: "features", quick: true });
    const profiled = { command: "fleet", providers: 500, profile: true };
    expect(readOptions(["fleet", "--providers", "500", "--profile"])).toEqual(profiled);
    expect(readOptions(["fleet"])).toEqual({ command: "fleet", providers: 10_000, profile: false });
    expect(readOptions(["store"])).toEqual({ command: "store" });
    expect(readOptions(["allocation", "--agent"])).toEqual({ command: "allocation", program: "agent", stream: false });
    expect(readOptions(["profile", "--stream"])).toEqual({
      command: "profile",
      program: "coordinator",
      stream: true,
      keep: undefined,
    });
  });

  it("names what it does not know", () => {
    expect(() => readOptions(["cryptic"])).toThrow("No such command: cryptic");
    expect(() => readOptions(["--targets", "nginx"])).toThrow("No such target: nginx");
    expect(() => readOptions(["--fast"])).toThrow("--fast");
    expect(() => readOptions(["fleet", "--providers", "many"])).toThrow("--providers takes a whole number");
  });
});
