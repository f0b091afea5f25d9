import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { API_KEY } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import { SpawnedProcess } from "./spawned-process.js";

const AGENT = fileURLToPath(new URL("../../../provider-agent/dist/main.js", import.meta.url));

/** Somebody's home directory, and nothing else: no variable says anything to the agent. */
class NewUser implements AsyncDisposable {
  readonly #home = mkdtempSync(join(tmpdir(), "hearth-new-user-"));
  readonly #running: SpawnedProcess[] = [];

  start(...args: readonly string[]): SpawnedProcess {
    const command = { name: args.join(" "), file: process.execPath, args: [AGENT, ...args] };
    const spawned = new SpawnedProcess({ ...command, env: { HOME: this.#home } });
    this.#running.push(spawned);
    return spawned;
  }

  async run(...args: readonly string[]): Promise<string> {
    const command = this.start(...args);
    const { code } = await command.exited;
    expect(code, command.stderr).toBe(0);
    return command.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((each) => each[Symbol.asyncDispose]()));
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** What the owner does in a browser: signs in by API key, looks at the request, approves. */
async function approve(page: string, code: string): Promise<void> {
  const { origin } = new URL(page);
  const post = (path: string, fields: Readonly<Record<string, string>>, headers = {}): Promise<Response> =>
    fetch(`${origin}${path}`, { method: "POST", body: new URLSearchParams(fields), headers, redirect: "manual" });
  const signedIn = await post("/device/sign-in", { api_key: API_KEY, user_code: code });
  const headers = { Cookie: signedIn.headers.get("set-cookie")?.split(";")[0] ?? "" };
  const request = await (await fetch(page, { headers })).text();
  expect(request).toContain("studio");
  const csrf = /name="csrf" value="([^"]+)"/.exec(request)?.[1] ?? "";
  const decided = await post("/device/decide", { csrf, user_code: code, verdict: "approved" }, headers);
  expect(decided.status).toBe(200);
}

it("serves a new owner's machine after init, login and serve", async () => {
  await using hearth = await SpawnedHearth.start();
  await using user = new NewUser();

  await user.run("init", "--yes", "--coordinator", hearth.providerUrl, "--name", "studio");

  const login = user.start("login");
  const shown = (): RegExpExecArray | null => /Open (\S+)\nand compare the code: (\S+)\n/.exec(login.stderr);
  await login.until("shows its code", () => shown() !== null);
  const [, page = "", code = ""] = shown() ?? [];
  await approve(page, code);
  expect((await login.exited).code).toBe(0);

  // The machine that runs this test may have a model server, which a new owner's agent would find.
  const serve = user.start("serve", "--backend", "embedded");
  await serve.until("is registered", () => serve.logged("registered").length > 0);
  await eventually("the model is listed", async () => (await hearth.providers()).some(({ name }) => name === "studio"));

  const messages = [{ role: "user", content: "What is 7 + 8?" }];
  const answer = await hearth.chat({ model: "pico", messages, temperature: 0 });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("15");
  const status = await user.run("status");
  expect(status).toMatch(/^Requests +1 served, 0 failed, 0 cancelled$/m);
  expect(status).toMatch(/^Trust +self_attested$/m);

  expect(await serve.stop()).toEqual({ code: 0, signal: null });
}, 60_000);
