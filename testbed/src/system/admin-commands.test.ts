import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
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
      ["default", "default", "-", "own", "active"],
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
    const { data } = await json("account list");
    expect(data).toMatchObject([{ id: "default" }, { id: "anna", status: "active" }]);
  });

  it("of any number are listed whole, and nobody's name speaks to the terminal", async () => {
    for (let n = 0; n < 1_003; n += 50) {
      await Promise.all(
        Array.from({ length: Math.min(50, 1_003 - n) }, (_, i) => post("/admin/accounts", { id: `a${n + i}` })),
      );
    }
    await post("/admin/accounts", { id: "odd", name: "\u001b[31mred\u0007\nline" });
    const lines = (await told("account list")).trimEnd().split("\n");
    expect(lines).toHaveLength(1 + 1 + 1_003 + 1);
    expect(lines.at(-1)).toContain("\ufffd[31mred\ufffd\ufffdline");
    expect((await json("account list"))["data"]).toHaveLength(1_005);
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
        const found = await admin("key list", { ...env, HEARTH_PORT: port, HEARTH_HOST: host });
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

describe("money", () => {
  beforeEach(() => post("/admin/accounts", { id: "anna" }));

  it("is credited once for one key, whether the key was given or made", async () => {
    const first = await admin("credit anna 12.50 --reason invoice-7 --idempotency-key i7");
    expect(first).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/^Credited \$12\.50 for anna \(dep/),
    });
    expect(await told("credit anna 12.500 --reason invoice-7 --idempotency-key i7")).toMatch(/^Nothing has changed: /);
    const made = await admin("credit anna 0.000001 --reason gift --json");
    expect(JSON.parse(made.stdout)).toMatchObject({ object: "transfer", status: "done" });
    const again = /--idempotency-key credit_[\w-]{22}/.exec(made.stderr)?.[0] ?? "";
    expect(await json(`credit anna 0.000001 --reason gift ${again}`)).toMatchObject({ status: "repeated" });
    expect(await admin("credit anna 13 --reason invoice-7 --idempotency-key i7")).toMatchObject({
      ...{ code: 1, stdout: "", stderr: "This Idempotency-Key came before, with something else.\n" },
    });
    expect(await json("balance anna")).toMatchObject({ account: "anna", available_micro_usd: 12_500_001 });
    expect(await told("balance anna")).toMatch(/^available +\$12\.500001\ncredit +\$12\.500001\nearned +\$0\.00\n/);
  });

  it("of a bad amount, for nobody or without a reason is not credited", async () => {
    for (const [words, code, said] of [
      ["anna -5 --reason x", 2, "cannot be negative"],
      ["anna 0 --reason x", 2, "more than 0"],
      ["anna NaN --reason x", 2, "number of US dollars"],
      ["anna 1e3 --reason x", 2, "number of US dollars"],
      ["anna 0.0000001 --reason x", 2, "six digits"],
      ["anna 1000000000.000001 --reason x", 2, "more than $1000000000"],
      ["anna 5", 2, "required option '--reason <text>'"],
      ["anna 5 --reason ", 1, "Invalid 'reason'"],
      ["nobody 5 --reason x", 1, "There is no such account."],
      ["anna 5 --reason x --idempotency-key \u00e4", 2, "printable ASCII"],
    ] as const) {
      expect([words, await admin(`credit ${words}`)]).toMatchObject([
        words,
        { code, stdout: "", stderr: expect.stringContaining(said) },
      ]);
    }
    expect(await json("credit anna 1000000000 --reason all")).toMatchObject({ status: "done" });
    expect(await admin("credit anna 0.000001 --reason more")).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining("Nobody may own that much.") },
    });
  });

  it("that was earned is paid out, fails, and comes back", async () => {
    const { key } = await post("/admin/accounts/anna/keys", { scopes: ["provider"] });
    await post("/admin/accounts/anna/corrections", { amount_micro_usd: 50_000_000, part: "earned", reason: "work" });
    const ask = async () => String((await post("/v1/me/payouts", { amount_micro_usd: 10_000_000 }, String(key)))["id"]);
    const [paid, failed] = [await ask(), await ask()];
    expect(await told("balance anna")).toMatch(/^being paid out +\$20\.00$/m);
    expect(await told(`payout pay ${paid} --reason transfer-1`)).toMatch(/anna +\$10\.00 +paid +\S+ \S+ +transfer-1$/m);
    expect(await json(`payout fail ${failed} --reason closed`)).toMatchObject({ status: "failed", reason: "closed" });
    expect(await admin(`payout pay ${failed} --reason again`)).toMatchObject({
      ...{ code: 1, stdout: "", stderr: "This payout is 'failed': it cannot become 'paid'.\n" },
    });
    expect(await json("payout list --status paid --account anna")).toMatchObject({ data: [{ id: paid }] });
    expect(await json(`payout return ${paid} --reason iban`)).toMatchObject({ status: "returned" });
    expect((await told("payout list")).match(/anna +\$10\.00 +(returned|failed)/g)).toHaveLength(2);
    expect(await admin("payout list --status lost")).toMatchObject({ code: 1 });
    expect(await json("balance anna")).toMatchObject({ earned: { balance_micro_usd: 50_000_000 } });
  });
});

describe("keys", () => {
  beforeEach(() => post("/admin/accounts", { id: "anna" }));
  const accountOf = async (key: string): Promise<unknown> => {
    const { data } = (await (await hearth.get("/v1/key", key)).json()) as { readonly data?: { account: string } };
    return data?.account;
  };

  it("are made with their secret alone on stdout, and with it in the answer for --json", async () => {
    const { code, stdout, stderr } = await admin("key create anna --name app");
    const secret = stdout.trimEnd();
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^sk-hearth-[\w-]{43}\n$/)]);
    expect(stderr).not.toContain(secret);
    expect(stderr).toMatch(/^name +app$/m);
    expect(await accountOf(secret)).toBe("anna");
    const quiet = await admin("key create anna --json");
    const answer = JSON.parse(quiet.stdout) as { readonly key: string };
    expect([quiet.stderr, await accountOf(answer.key)]).toEqual(["", "anna"]);
    expect(await told("key list")).not.toContain(secret);
    expect((await told("key list anna")).trimEnd().split("\n")).toHaveLength(3);
    expect(await admin("key list nobody")).toMatchObject({ code: 1, stderr: "There is no such account.\n" });
  });

  it("have the terms that are said, and keep those that a change does not name", async () => {
    const terms =
      "--scope inference --scope read --model m --model n --self-route-only --requests-per-minute 60 --concurrency 3 --budget-usd 10.5 --budget-reset monthly --expires-in 30d --tag team=web --tag cost=a=b";
    const key = await json(`key create anna ${terms}`);
    expect(key).toMatchObject({
      ...{ scopes: ["inference", "read"], allowed_models: ["m", "n"], self_route_only: true },
      limits: { requests_per_minute: 60, tokens_per_minute: null, concurrency: 3 },
      tags: { team: "web", cost: "a=b" },
    });
    expect(Number(key["expires_at"]) - Number(key["created_at"])).toBe(30 * 86_400);
    expect(key["limits"]).toMatchObject({ budget: { micro_usd: 10_500_000, reset: "monthly" } });
    const changes =
      "--any-model --no-self-route-only --requests-per-minute none --tokens-per-minute 9 --budget-usd 0 --budget-reset weekly";
    expect(await json(`key change ${key["id"]} ${changes} --expires-in none`)).toMatchObject({
      ...{ scopes: ["inference", "read"], allowed_models: null, self_route_only: false, expires_at: null },
      limits: {
        requests_per_minute: null,
        tokens_per_minute: 9,
        concurrency: 3,
        budget: { micro_usd: 0, reset: "weekly" },
      },
    });
    expect(await told(`key change ${key["id"]} --budget-usd none`)).toMatch(/^limits +9 tokens\/min, 3 at once$/m);
  });

  it("are not made or changed by terms that mean nothing", async () => {
    for (const [words, code, said] of [
      ["key create anna --scope everything", 1, "Invalid 'scopes[0]'"],
      ["key create anna --concurrency 0", 1, "Invalid 'limits.concurrency'"],
      ["key create anna --budget-usd -1", 2, "negative"],
      ["key create anna --budget-reset daily", 2, "goes with an amount"],
      ["key change key_x --budget-usd 20", 2, "--budget-usd needs --budget-reset in a change"],
      ["key create anna --expires-in 1.5h", 2, "length of time"],
      ["key create anna --tag team", 2, "name=value"],
      ["key create nobody", 1, "There is no such account."],
      ["key change key_x --name y", 1, "There is no such API key, or it is revoked."],
    ] as const) {
      expect([words, await admin(words)]).toMatchObject([
        words,
        { code, stdout: "", stderr: expect.stringContaining(said) },
      ]);
    }
    expect(await json("key list anna")).toMatchObject({ data: [] });
  });

  it("get another secret, and end", async () => {
    const { id, key: first } = await json("key create anna");
    const second = (await told(`key rotate ${id} --overlap 1h`)).trimEnd();
    expect([await accountOf(String(first)), await accountOf(second)]).toEqual(["anna", "anna"]);
    const third = (await told(`key rotate ${id}`)).trimEnd();
    expect([await accountOf(second), await accountOf(third)]).toEqual([undefined, "anna"]);
    expect(await told(`key revoke ${id}`)).toBe(`Revoked ${id}.\n`);
    expect(await accountOf(third)).toBeUndefined();
    expect(await admin(`key revoke ${id}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it is revoked"),
    });
  });
});

describe("the web page", () => {
  it("is opened by a link that is good once", async () => {
    const { stdout, stderr } = await admin("sign-in-link");
    const [, link] = /^http:\/\/127\.0\.0\.1:\d+\/dashboard\/#link=(hl-[\w-]+)\n$/.exec(stdout) ?? [];
    expect(stderr).toMatch(/^It is good once, until .+\.\n$/);
    const headers = { "X-Requested-With": "hearth-dashboard" };
    const signIn = () =>
      fetch(`${hearth.url}/dashboard/session`, { method: "POST", headers, body: JSON.stringify({ link }) });
    expect(await (await signIn()).json()).toMatchObject({ role: "operator" });
    expect((await signIn()).status).toBe(401);
  });
});

describe("an operator's key that is lost", () => {
  it("is replaced in the data directory, and not where the environment has one", async () => {
    const dir = mkdtempSync(join(tmpdir(), "hearth-new-key-"));
    try {
      const env = { HEARTH_DATA_DIR: dir, HEARTH_ADMIN_KEY: "" };
      const first = await admin("new-admin-key", env);
      expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ha-[\w-]{32}\n$/) });
      const { stdout: second } = await admin("new-admin-key", env);
      expect(second).not.toBe(first.stdout);
      expect(readFileSync(join(dir, "admin-key"), "utf8")).toBe(second);
      expect(statSync(join(dir, "admin-key")).mode & 0o777).toBe(0o600);
      expect(await admin("new-admin-key", { HEARTH_DATA_DIR: dir })).toMatchObject({ code: 2, stdout: "" });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
