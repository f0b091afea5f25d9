import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CliHome } from "../../testing/cli-home.js";
import { providerUrl } from "./init.js";

const COORDINATOR = "wss://hearth.example/ws/provider";
const ENTER = "\r";
const DOWN = "\u001b[B";
const CTRL_C = "\u0003";

describe("hearth-agent init", () => {
  it("asks nothing when told so, and writes a file that holds", async () => {
    await using home = new CliHome();
    const args = ["init", "--yes", "--coordinator", COORDINATOR, "--name", "studio"];
    const { code, stdout } = await home.run(args, { HEARTH_PROVIDER_TOKEN: "t0ken-0123456789abc" });
    expect(code).toBe(0);
    expect(stdout).toContain(`Wrote ${home.configPath}.`);
    expect(stdout).toContain("Next: hearth-agent serve\n");
    expect(statSync(home.configPath).mode & 0o777).toBe(0o600);
    expect(home.config).not.toContain("t0ken-0123456789abc");
    expect(readFileSync(join(home.dataDir, "provider-token"), "utf8")).toBe("t0ken-0123456789abc\n");
    expect(statSync(join(home.dataDir, "provider-token")).mode & 0o777).toBe(0o600);
    expect((await home.run(["config", "check"])).code).toBe(0);
    expect(await home.json(["config", "show"])).toMatchObject({ name: "studio", coordinators: [COORDINATOR] });
  });

  it("replaces a file only when told so, and leaves a backup", async () => {
    await using home = new CliHome();
    home.config = "# precious\n";
    const refused = await home.run(["init", "--yes"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("Replace it with --force") });
    expect(home.config).toBe("# precious\n");
    expect(await home.json(["init", "--yes", "--force"])).toMatchObject({
      config: home.configPath,
      token: false,
      next: ["hearth-agent login", "hearth-agent serve"],
    });
    expect(readFileSync(`${home.configPath}.bak`, "utf8")).toBe("# precious\n");
  });

  it("says what to do where there is no terminal, and refuses what is no coordinator", async () => {
    await using home = new CliHome();
    expect(await home.run(["init"])).toMatchObject({ code: 2, stderr: expect.stringContaining("init --yes") });
    const wrong = await home.run(["init", "--yes", "--coordinator", "http://x"]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("must be a ws:// or wss:// URL") });
  });

  it("asks at a terminal for the coordinator and the token", async () => {
    await using home = new CliHome();
    const cli = home.startInTerminal(["init"]);
    let at = await cli.says("Which coordinator?");
    cli.type("not a url\r");
    at = await cli.says("must be a ws:// or wss:// URL", at);
    cli.type(`\u0015${COORDINATOR}${ENTER}`);
    at = await cli.says("How does the coordinator know", at);
    cli.type(DOWN + ENTER);
    at = await cli.says("The provider token", at);
    cli.type(`pasted-t0ken-0123456789${ENTER}`);
    const { code, stdout } = await cli.ended;
    expect(code).toBe(0);
    expect(stdout).toContain("Next: hearth-agent serve");
    expect(stdout).not.toContain("pasted-t0ken-0123456789");
    expect(home.config).toContain(`coordinators = [ "${COORDINATOR}" ]`);
    expect(readFileSync(join(home.dataDir, "provider-token"), "utf8")).toBe("pasted-t0ken-0123456789\n");
  });

  it("suggests a coordinator, which an address that is typed takes the place of", async () => {
    for (const [typed, coordinator] of [
      ["", "ws://127.0.0.1:8080/ws/provider"],
      ["http://127.0.0.1:9090", "ws://127.0.0.1:9090/ws/provider"],
    ]) {
      await using home = new CliHome();
      const cli = home.startInTerminal(["init"]);
      const at = await cli.says("Which coordinator?");
      cli.type(`${typed}${ENTER}`);
      await cli.says("How does the coordinator know", at);
      cli.type(ENTER);
      expect((await cli.ended).code).toBe(0);
      expect(home.config).toContain(`coordinators = [ "${coordinator}" ]`);
    }
  });

  it("goes on without a token when its owner logs in later", async () => {
    await using home = new CliHome();
    const cli = home.startInTerminal(["init", "--coordinator", COORDINATOR]);
    await cli.says("How does the coordinator know");
    cli.type(ENTER);
    const { code, stdout } = await cli.ended;
    expect(code).toBe(0);
    expect(stdout).toContain("Next: hearth-agent login, then hearth-agent serve");
  });

  it.each([
    ["hearth.example", "wss://hearth.example/ws/provider"],
    ["hearth.example:8443", "wss://hearth.example:8443/ws/provider"],
    ["https://hearth.example/", "wss://hearth.example/ws/provider"],
    ["http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws/provider"],
    ["wss://hearth.example/behind/a/proxy", "wss://hearth.example/behind/a/proxy"],
    ["not a url", "not a url"],
  ])("completes the address %s", (typed, url) => {
    expect(providerUrl(typed)).toBe(url);
  });

  it("writes nothing when it is cancelled, or its owner wants to keep the file", async () => {
    await using home = new CliHome();
    const cancelled = home.startInTerminal(["init"]);
    await cancelled.says("Which coordinator?");
    cancelled.type(CTRL_C);
    expect((await cancelled.ended).code).toBe(130);
    expect(() => home.config).toThrow("ENOENT");
    home.config = "# precious\n";
    const kept = home.startInTerminal(["init"]);
    await kept.says("Replace it?");
    kept.type(ENTER);
    expect((await kept.ended).code).toBe(130);
    expect(home.config).toBe("# precious\n");
  });
});
