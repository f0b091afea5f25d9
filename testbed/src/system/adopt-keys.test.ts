import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ADMIN_KEY } from "../scripted/test-coordinator.js";
import { adminCommand, type Ran } from "./admin-command.js";
import { SpawnedHearth } from "./spawned-hearth.js";

// The keys of the configuration file become keys of accounts, and whoever calls with them notices nothing.

const KEYS = { anna: "annas-key-of-old-0123456789", ben: "bens-key-of-old-0123456789" } as const;
const TOKEN = "shared-token-of-the-fleet-0123456789";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const entry = (account: string, secret: string) => ({ account, sha256: sha256(secret) });
const BOTH = [entry("anna", KEYS.anna), entry("ben", KEYS.ben)];

let dir: string;
let path: string;
let hearth: SpawnedHearth;
const write = (content: object): void => writeFileSync(path, JSON.stringify(content));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hearth-adopt-"));
  path = join(dir, "hearth.json");
  write({ api_keys: BOTH, provider_tokens: [entry("carl", TOKEN)] });
  hearth = await SpawnedHearth.start({ HEARTH_CONFIG: path });
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const admin = (...words: string[]): Promise<Ran> => adminCommand(hearth.url, words, { HEARTH_CONFIG: path });

async function call(method: "POST" | "DELETE", path: string, body?: object): Promise<Record<string, unknown>> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const answer = await fetch(hearth.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return (await answer.json()) as Record<string, unknown>;
}

async function hangUp(): Promise<void> {
  const before = hearth.coordinator.logged("configuration file read again").length;
  hearth.coordinator.signal("SIGHUP");
  await hearth.coordinator.until("was read again", () => {
    return hearth.coordinator.logged("configuration file read again").length > before;
  });
}

/** What a secret is good for, as its owner sees it. */
async function known(secret: string): Promise<unknown> {
  const answer = await hearth.get("/v1/key", secret);
  return answer.ok ? ((await answer.json()) as { readonly data: object }).data : answer.status;
}

it("are taken over once with their secrets, and go on by the database when the file has them no longer", async () => {
  const before = await known(KEYS.anna);
  expect(before).toMatchObject({ account: "anna", id: expect.stringMatching(/^config_/) });
  const first = await admin("adopt-keys");
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(
    new RegExp(`^${sha256(KEYS.anna).slice(0, 12)}… +anna +taken over now +key_\\S+ +anna$`, "m"),
  );
  expect(first.stderr).toContain("Accounts made: anna, ben, carl.");
  expect(first.stderr).toMatch(new RegExp(`^To be taken out of api_keys .*${sha256(KEYS.ben).slice(0, 12)}…\\.$`, "m"));
  expect(first.stderr).toMatch(new RegExp(`^To stay in provider_tokens.*: ${sha256(TOKEN).slice(0, 12)}…\\.$`, "m"));
  for (const secret of [...Object.values(KEYS), TOKEN]) expect(first.stdout + first.stderr).not.toContain(secret);

  const second = await admin("adopt-keys", "--json");
  expect([second.code, JSON.parse(second.stdout)]).toMatchObject([
    0,
    {
      accounts_created: [],
      keys: [
        { account: "anna", status: "present" },
        { account: "ben", status: "present" },
      ],
    },
  ]);
  expect((await admin("key", "list")).stdout.trimEnd().split("\n")).toHaveLength(3);

  write({ provider_tokens: [entry("carl", TOKEN)] });
  await hangUp();
  const { id } = (JSON.parse(second.stdout) as { keys: [{ key: { id: string } }] }).keys[0].key;
  expect(await known(KEYS.anna)).toEqual({ ...(before as object), id });
  expect(await admin("adopt-keys")).toMatchObject({ code: 0, stdout: "" });
  expect((await admin("key", "revoke", id)).code).toBe(0);
  expect([await known(KEYS.anna), await known(KEYS.ben)]).toMatchObject([401, { account: "ben" }]);
});

it("are as the file says while it has them too, and nothing else can be said of them", async () => {
  const { stdout } = await admin("adopt-keys", "--json");
  const { id } = (JSON.parse(stdout) as { keys: [{ key: { id: string } }] }).keys[0].key;
  for (const words of [
    ["revoke", id],
    ["rotate", id],
    ["change", id, "--requests-per-minute", "1"],
  ]) {
    expect(await admin("key", ...words)).toMatchObject({
      ...{ code: 1, stdout: "", stderr: expect.stringContaining("take it out there first") },
    });
  }
  expect(await call("DELETE", "/admin/accounts/anna/data")).toMatchObject({ keys_revoked: 0, keys_left: 1 });
  expect((await admin("key", "list", "--account", "anna")).stdout).not.toContain("revoked");
  expect(await known(KEYS.anna)).toMatchObject({ account: "anna", id: expect.stringMatching(/^config_/) });
  // Suspension is of the account, wherever its keys stand.
  expect((await admin("account", "suspend", "anna")).code).toBe(0);
  expect(await known(KEYS.anna)).toBe(403);
});

it("are told of where the database says something else of them, or where the file was not read yet", async () => {
  await admin("adopt-keys");
  const bens = ((await call("POST", "/admin/keys/adopt", {}))["keys"] as { key: { id: string } }[])[1]?.key.id ?? "";
  write({ api_keys: [entry("dora", KEYS.anna)] });
  await hangUp();
  expect((await admin("key", "revoke", bens)).code).toBe(0);
  write({ api_keys: [entry("dora", KEYS.anna), entry("ben", KEYS.ben)] });
  const unread = await admin("adopt-keys");
  expect(unread.stderr).toMatch(
    new RegExp(`^In the file here, but not .*: ${sha256(KEYS.ben).slice(0, 12)}…\\.$`, "m"),
  );
  await hangUp();
  const odd = await admin("adopt-keys");
  expect([odd.code, odd.stdout]).toEqual([
    1,
    expect.stringMatching(/dora +is there for another account +key_\S+ +anna$/m),
  ]);
  expect(odd.stdout).toMatch(/ben +is there, and revoked or expired +key_\S+ +ben$/m);
  expect(odd.stderr).toContain("Not taken over, since the database says something else of them");
  expect(odd.stderr).not.toContain("To be taken out");
  // The file counts.
  expect([await known(KEYS.anna), await known(KEYS.ben)]).toMatchObject([{ account: "dora" }, { account: "ben" }]);
});
