import { describe, expect, it } from "vitest";
import { parseNvidiaSmi, parseVideoControllers } from "./gpus.js";
import { readMachineFacts } from "./hardware.js";
import type { RunTool } from "./run-tool.js";
import { vitalsSource } from "./vitals-source.js";

const MIB = 1024 * 1024;

describe("nvidia-smi", () => {
  it("tells memory and load of each GPU", () => {
    expect(parseNvidiaSmi("24564, 1033, 7, NVIDIA GeForce RTX 4090\n8192, 0, 0, Quadro, special\n")).toEqual([
      { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24_564 * MIB, memoryUsedBytes: 1033 * MIB, load: 0.07 },
      { name: "Quadro, special", memoryBytes: 8192 * MIB, memoryUsedBytes: 0, load: 0 },
    ]);
  });

  // Seen: NVIDIA GB10, driver 580.126.09 (unslothai/unsloth pull requests 10283 and 10703).
  it("claims no memory for a GPU that shares the machine's", () => {
    expect(parseNvidiaSmi("[N/A], [N/A], 2, NVIDIA GB10\n")).toEqual([{ name: "NVIDIA GB10", load: 0.02 }]);
  });

  it.each(["", "No devices were found\n", "NVIDIA-SMI has failed because it couldn't communicate with the driver\n"])(
    "finds no GPU in %j",
    (text) => {
      expect(parseNvidiaSmi(text)).toEqual([]);
    },
  );

  it("is not started again on a machine that lacks it, and gives the busiest GPU's load elsewhere", async () => {
    let runs = 0;
    const lacking: RunTool = async () => {
      runs += 1;
      return { type: "missing" };
    };
    const signal = new AbortController().signal;
    const without = vitalsSource({ platform: "win32", run: lacking });
    expect(await without.read(signal)).not.toHaveProperty("gpu_load");
    await without.read(signal);
    expect(runs).toBe(1);
    const stdout = "100, 1, 20, A\n100, 1, 90, B\n";
    const busy = vitalsSource({ platform: "win32", run: async () => ({ type: "ok", stdout }) });
    expect(await busy.read(signal)).toMatchObject({ gpu_load: 0.9 });
  });
});

describe("Windows' list of GPUs", () => {
  it("does not believe memory that its 32 bits cannot hold", () => {
    const text =
      '[{"Name":"Intel(R) UHD Graphics 630","AdapterRAM":1073741824},' +
      '{"Name":"NVIDIA GeForce RTX 3080","AdapterRAM":4293918720},{"Name":"Remote Display","AdapterRAM":null}]';
    expect(parseVideoControllers(text)).toEqual([
      { name: "Intel(R) UHD Graphics 630", memoryBytes: 1_073_741_824 },
      { name: "NVIDIA GeForce RTX 3080" },
      { name: "Remote Display" },
    ]);
  });

  it.each(["", "not JSON", '{"Name":1}'])("is empty for %j", (text) => {
    expect(parseVideoControllers(text)).toEqual([]);
  });

  it("is asked only where nvidia-smi says nothing", async () => {
    const asked: string[] = [];
    const run: RunTool = async (program) => {
      asked.push(program);
      return program === "nvidia-smi" ? { type: "ok", stdout: "8192, 1, 0, NVIDIA T4\n" } : { type: "failed" };
    };
    const facts = await readMachineFacts({ platform: "win32", run });
    expect(facts.gpus).toEqual([{ name: "NVIDIA T4", memoryBytes: 8192 * MIB }]);
    expect(asked).toEqual(["nvidia-smi"]);
  });
});
