import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CliHome } from "../../testing/cli-home.js";

const PICO = fileURLToPath(new URL("../../../models/pico/pico.gguf", import.meta.url));

function homeWithModel(): CliHome {
  const home = new CliHome();
  const folder = join(home.path, "models");
  mkdirSync(folder);
  copyFileSync(PICO, join(folder, "pico.gguf"));
  home.config = '[models]\ndirs = ["~/models"]\n';
  return home;
}

describe("hearth-agent models", () => {
  it("scans the folders of the configuration", async () => {
    await using home = homeWithModel();
    const { code, stdout } = await home.run(["models", "scan"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pico +0\.\d\d GiB .*\/models\/pico\.gguf$/m);
  });

  it("hashes a model by its id and by its path", async () => {
    await using home = homeWithModel();
    const sha256 = createHash("sha256").update(readFileSync(PICO)).digest("hex");
    const path = join(home.path, "models", "pico.gguf");
    expect(await home.json(["models", "hash", "pico"])).toEqual({ path, sha256 });
    expect((await home.run(["models", "hash", PICO])).stdout).toBe(`${sha256}  ${PICO}\n`);
    expect(await home.run(["models", "hash", "nothing"])).toMatchObject({
      code: 9,
      stderr: expect.stringContaining("models scan"),
    });
  });

  it("checks templates", async () => {
    await using home = homeWithModel();
    const { code, stdout, stderr } = await home.run(["models", "check"]);
    expect(stdout + stderr).toContain("pico");
    expect(code).toBe(stdout.includes("✗") ? 9 : 0);
    expect(await home.json(["models", "check", "pico"])).toMatchObject({
      models: [{ id: "pico", problems: expect.any(Array) }],
    });
  });

  it("lists what backends serve, and which of them do not answer", async () => {
    await using home = new CliHome();
    home.config = '[[backends]]\nkind = "vllm"\nurl = "http://127.0.0.1:9/v1"\n';
    const { stdout, stderr, code } = await home.run(["models", "list"]);
    expect({ stdout, code }).toEqual({ stdout: "No backend serves a model.\n", code: 0 });
    expect(stderr).toContain("vllm at http://127.0.0.1:9/v1: ECONNREFUSED");
  });
});
