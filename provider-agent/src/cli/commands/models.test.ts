import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CliHome } from "../../testing/cli-home.js";
import { ggufFile } from "../../testing/gguf-file.js";
import { type Page, ScriptedBackend } from "../../testing/scripted-backend.js";

const PICO = fileURLToPath(new URL("../../../models/pico/pico.gguf", import.meta.url));

function homeWithModel(): CliHome {
  const home = new CliHome();
  const folder = join(home.path, "models");
  mkdirSync(folder);
  copyFileSync(PICO, join(folder, "pico.gguf"));
  home.config = '[models]\ndirs = ["~/models"]\n';
  return home;
}

/** A llama-server that serves this file, and says this of every conversation. */
function llamaServer(path: string, says: Page): Promise<ScriptedBackend> {
  return ScriptedBackend.start({
    models: [{ id: "served", owned_by: "llamacpp" }],
    pages: {
      "GET /props": { body: { total_slots: 1, model_path: path } },
      "POST /v1/chat/completions": { status: 400, body: {} },
      "POST /apply-template": says,
    },
    scripted: [],
  });
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

  it("shows what only the agent's own renderer fails on as a suspicion, and what a server refuses as proven", async () => {
    await using home = homeWithModel();
    const folder = join(home.path, "models");
    const broken = { "general.architecture": "llama", "tokenizer.chat_template": "{% if" };
    for (const name of ["refused", "rendered", "suspect"])
      writeFileSync(join(folder, `${name}.gguf`), ggufFile({ values: broken }));
    await using refusing = await llamaServer(join(folder, "refused.gguf"), { status: 400, body: { error: {} } });
    await using rendering = await llamaServer(join(folder, "rendered.gguf"), { body: { prompt: "" } });
    const backends = [refusing, rendering].map(({ url }) => `[[backends]]\nkind = "llama-server"\nurl = "${url}"\n`);
    home.config = `[models]\ndirs = ["~/models"]\n${backends.join("")}`;
    const all = await home.run(["models", "check"]);
    expect(all.code).toBe(9);
    const refused = `✗ refused\n    proven: llama-server at ${refusing.url} refuses every conversation`;
    const rendered = `✓ rendered\n    proven: llama-server at ${rendering.url} renders it\n    needs_string_types: no\n    system_anywhere: no\n`;
    for (const said of [refused, rendered, "? suspect\n    suspicion: "]) expect(all.stdout).toContain(said);
    expect(all.stdout).toMatch(/✓ pico\n {4}the agent's own renderer renders it/);
    // A suspicion keeps nobody away, and is no failure.
    const suspect = await home.run(["models", "check", "suspect"]);
    expect(suspect.code).toBe(0);
    expect(suspect.stdout).toContain("not_compiled at line 1");
    expect(await home.json(["models", "check", "suspect", "rendered"])).toMatchObject({
      models: [
        { id: "suspect", verdict: "suspected", problems: [expect.stringContaining("not_compiled")] },
        { id: "rendered", verdict: "rendered", ok: true, needs_string_types: false, system_anywhere: false },
      ],
    });
    const doctor = await home.run(["doctor"]);
    expect(doctor.stdout).toMatch(/! +Chat templates +refused: refused/);
    expect(doctor.stdout).not.toMatch(/refused: .*suspect/);
  });

  it("asks about a model whose file is not known, by the id under which it is served", async () => {
    await using home = homeWithModel();
    await using server = await llamaServer("none", { status: 500, body: { error: {} } });
    home.config = `[[backends]]\nkind = "llama-server"\nurl = "${server.url}"\n`;
    const { code, stdout } = await home.run(["models", "check", "served"]);
    expect(code).toBe(9);
    expect(stdout).toBe(
      `✗ served\n    proven: llama-server at ${server.url} refuses every conversation, and no requests come for it\n`,
    );
  });

  it("lists what backends serve, and which of them do not answer", async () => {
    await using home = new CliHome();
    home.config = '[[backends]]\nkind = "vllm"\nurl = "http://127.0.0.1:9/v1"\n';
    const { stdout, stderr, code } = await home.run(["models", "list"]);
    expect({ stdout, code }).toEqual({ stdout: "No backend serves a model.\n", code: 0 });
    expect(stderr).toContain("vllm at http://127.0.0.1:9/v1: ECONNREFUSED");
  });
});
