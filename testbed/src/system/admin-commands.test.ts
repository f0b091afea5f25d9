import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { adminCommand, type Ran } from "./admin-command.js";

// `hearth-coordinator admin …` as operators run it, against a coordinator that runs.

let hearth: TestCoordinator;
beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore() });
});
afterEach(() => hearth[Symbol.asyncDispose]());

const admin = (words: string, env: Record<string, string> = {}): Promise<Ran> =>
  adminCommand(hearth.url, words.split(" "), env);

/** Of a command that has to work. */
async function told(words: string): Promise<string> {
  const ran = await admin(words);
  expect(ran).toMatchObject({ code: 0 });
  return ran.stdout;
}
const json = async (words: string): Promise<Record<string, unknown>> => JSON.parse(await told(`${words} --json`));

async function post(path: string, body: object, key = ADMIN_KEY): Promise<Record<string, unknown>> {
  const headers = { Authorization: `Bearer ${key}` };
  const answer = await fetch(hearth.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return (await answer.json()) as Record<string, unknown>;
}

describe("accounts", () => {
  it("are made, listed, shown, suspended and resumed", async () => {
    expect(await told("account create anna --name Anna")).toMatch(/^id +anna$/m);
    expect(await json("account create web --parent anna --budget shared --concurrency 5")).toMatchObject({
      ...{ id: "web", object: "account", parent: "anna", budget: "shared", concurrency: 5, status: "active" },
    });
    const [titles, ...rows] = (await told("account list")).trimEnd().split("\n");
    expect(titles).toMatch(/^ID +NAME +TEAM OF +BUDGET +STATUS +CREATED$/);
    expect(rows.map((row) => row.split(/ +/).slice(0, 5))).toEqual([
      ["anna", "Anna", "-", "own", "active"],
      ["web", "-", "anna", "shared", "active"],
    ]);
    expect(await json("account list --parent anna")).toMatchObject({ data: [{ id: "web" }], has_more: false });
    expect(await json("account suspend anna")).toMatchObject({ id: "anna", status: "suspended" });
    expect(await told("account show anna")).toMatch(/^status +suspended$/m);
    expect(await told("account resume anna")).toMatch(/^status +active$/m);
  });

  it("are refused in the coordinator's own words", async () => {
    await told("account create anna");
    expect(await admin("account create anna")).toEqual({
      ...{ code: 1, stdout: "", stderr: "Invalid 'id': there is such an account.\n" },
    });
    expect(await admin("account create a/b")).toMatchObject({ code: 1, stderr: expect.stringContaining("'id'") });
    expect(await admin("account show nobody")).toMatchObject({ code: 1, stderr: "There is no such account.\n" });
    expect(await admin("account suspend ../accounts/anna")).toMatchObject({ code: 1 });
    expect(await admin("account show ..")).toMatchObject({ code: 2, stderr: "'..' names nothing.\n" });
    expect(await admin("account create --budget mine")).toMatchObject({ code: 2, stdout: "" });
    expect(await admin("account create x --concurrency many")).toMatchObject({ code: 2, stdout: "" });
    expect(await json("account list")).toMatchObject({ data: [{ id: "anna", status: "active" }] });
  });

  it("of any number are listed whole, and nobody's name speaks to the terminal", async () => {
    for (let n = 0; n < 1_003; n += 50) {
      await Promise.all(
        Array.from({ length: Math.min(50, 1_003 - n) }, (_, i) => post("/admin/accounts", { id: `a${n + i}` })),
      );
    }
    await post("/admin/accounts", { id: "odd", name: "\u001b[31mred\u0007\nline" });
    const lines = (await told("account list")).trimEnd().split("\n");
    expect(lines).toHaveLength(1 + 1_003 + 1);
    expect(lines.at(-1)).toContain("\ufffd[31mred\ufffd\ufffdline");
    expect((await json("account list"))["data"]).toHaveLength(1_004);
  });
});

describe("the coordinator", () => {
  it("is told from one that is not there, takes another key, or is something else", async () => {
    const key = { HEARTH_ADMIN_KEY: "another-key-0123456789" };
    expect(await admin("account list", key)).toMatchObject({
      ...{ code: 2, stdout: "", stderr: expect.stringContaining("does not take this key: This API key is not valid.") },
    });
    const something = createServer((_, response) => response.end("<h1>It works!</h1>"));
    await new Promise<void>((resolve) => void something.listen(0, "127.0.0.1", resolve));
    const other = `http://127.0.0.1:${(something.address() as AddressInfo).port}`;
    expect(await admin(`account list --url ${other}`)).toMatchObject({
      ...{ code: 2, stdout: "", stderr: expect.stringContaining("is no coordinator (status 200)") },
    });
    await new Promise((resolve) => something.close(resolve));
    expect(await admin(`account list --url ${other}`)).toMatchObject({
      ...{ code: 6, stdout: "", stderr: expect.stringContaining("(ECONNREFUSED)") },
    });
  });

  it("is asked for no key in clear on its way to another machine, unless somebody wants that", async () => {
    const far = "http://hearth.invalid";
    expect(await admin(`account list --url ${far}`)).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining("is not encrypted") },
    });
    expect(await admin(`account list --insecure --url ${far}`)).toMatchObject({ code: 6 });
    expect(await admin("account list --url ftp://127.0.0.1")).toMatchObject({ code: 2 });
    expect(await admin("account list", { HEARTH_URL: "nowhere" })).toMatchObject({ code: 2 });
  });

  it("is found by its own variables and the key in its data directory", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hearth-admin-"));
    try {
      const env = { HEARTH_URL: "", HEARTH_ADMIN_KEY: "", HEARTH_DATA_DIR: dataDir };
      const { port } = new URL(hearth.url);
      expect(await admin("account list", { ...env, HEARTH_PORT: port })).toMatchObject({
        ...{ code: 2, stderr: expect.stringContaining("There is no key: set HEARTH_ADMIN_KEY") },
      });
      writeFileSync(join(dataDir, "admin-key"), `${ADMIN_KEY}\n`);
      for (const host of ["127.0.0.1", "0.0.0.0"]) {
        const found = await admin("account list", { ...env, HEARTH_PORT: port, HEARTH_HOST: host });
        expect(found).toEqual({ code: 0, stdout: "", stderr: "There are none.\n" });
      }
      expect(await admin("account list", { ...env, HEARTH_PORT: "0" })).toMatchObject({ code: 2 });
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  it("is not asked by a command line that is wrong, which is told what is wrong with it", async () => {
    for (const [words, said] of [
      ["account", "Usage: hearth-coordinator admin account"],
      ["account lits", "unknown command 'lits'\n(Did you mean list?)"],
      ["account list --nope", "unknown option '--nope'"],
      ["account show", "missing required argument 'account'"],
      ["account show a b", "too many arguments"],
    ] as const) {
      expect(await admin(words)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(said) });
    }
    expect(await told("account create --help")).toContain("--concurrency <requests>");
  });
});
