import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CliHome } from "../../testing/cli-home.js";

it("hearth-agent bench measures the embedded engine and keeps what it measured", async () => {
  await using home = new CliHome();
  home.config = '[[backends]]\nkind = "embedded"\n';
  const { results } = (await home.json(["bench"])) as { readonly results: readonly object[] };
  expect(results).toEqual([
    expect.objectContaining({ model: "pico", findings: expect.objectContaining({ type: "measured" }) }),
  ]);
  expect(existsSync(join(home.dataDir, "bench.json"))).toBe(true);
}, 120_000);

it("hearth-agent bench reports a model that nobody serves", async () => {
  await using home = new CliHome();
  home.config = '[[backends]]\nkind = "vllm"\nurl = "http://127.0.0.1:9/v1"\n';
  const { code, stdout, stderr } = await home.run(["bench", "--model", "m"]);
  expect(code).toBe(9);
  expect(stdout).toMatch(/^m +- +- +- +-$/m);
  expect(stderr).toContain("m: no backend serves it");
  const problem = expect.stringContaining("ECONNREFUSED");
  const results = [{ model: "m", findings: { type: "failed", problem } }];
  expect(await home.json(["bench", "--model", "m"])).toMatchObject({ results });
});
