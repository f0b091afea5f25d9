import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MIGRATIONS } from "../schema/migrations.js";
import { USAGE_ATTRIBUTION } from "../schema/usage-attribution-step.js";
import { openSqliteStore } from "./open-sqlite-store.js";

// What 0.1.0 wrote, when SQLite ran on the main thread: its schema and rows of every table, as text of those days.
const FIRST_SCHEMA = `
  CREATE TABLE machines (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    identity TEXT NOT NULL,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    agent_version TEXT NOT NULL,
    method TEXT NOT NULL CHECK (method IN ('device_code', 'enrolment_token')),
    token_digest TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    last_seen_at_ms INTEGER,
    revoked_at_ms INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX machines_active ON machines (account, identity) WHERE revoked_at_ms IS NULL;
  CREATE INDEX machines_in_order ON machines (created_at_ms, id);
  CREATE INDEX machines_of_account ON machines (account, created_at_ms, id);
  CREATE TABLE enrolment_tokens (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    token_digest TEXT NOT NULL UNIQUE,
    note TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_at_ms INTEGER,
    revoked_at_ms INTEGER,
    machine_id TEXT REFERENCES machines (id) ON DELETE SET NULL,
    CHECK (used_at_ms IS NULL OR revoked_at_ms IS NULL)
  ) STRICT;
  CREATE INDEX enrolment_tokens_in_order ON enrolment_tokens (created_at_ms, id);
  CREATE INDEX enrolment_tokens_of_account ON enrolment_tokens (account, created_at_ms, id);
  CREATE INDEX enrolment_tokens_of_machine ON enrolment_tokens (machine_id) WHERE machine_id IS NOT NULL;
  CREATE TABLE attestations (
    hash TEXT PRIMARY KEY,
    blob BLOB NOT NULL,
    signature BLOB NOT NULL,
    identity_key BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX attestations_by_age ON attestations (created_at_ms);
  CREATE TABLE receipts (
    request_id TEXT NOT NULL,
    account TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    blob BLOB NOT NULL,
    signature BLOB NOT NULL,
    attestation_hash TEXT NOT NULL,
    PRIMARY KEY (request_id, account)
  ) STRICT;
  CREATE INDEX receipts_by_age ON receipts (created_at_ms);
  CREATE INDEX receipts_by_attestation ON receipts (attestation_hash);
  CREATE TABLE documents (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL
  ) STRICT;`;
const SECOND_SCHEMA = `
  CREATE TABLE known_models (
    model TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    account TEXT NOT NULL,
    answered_at_ms INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (model, provider_id)
  ) STRICT;
  CREATE INDEX known_models_by_age ON known_models (answered_at_ms);`;
const ROWS = `
  INSERT INTO machines VALUES
    ('mach_1', 'anna', 'id-1', 'Studio', 'darwin', '0.1.0', 'device_code', 'd-1', 1700000000001, 1700000000009, NULL),
    ('mach_2', 'anna', 'id-1', 'Old', 'linux', '0.0.9', 'enrolment_token', 'd-2', 1700000000000, NULL, 1700000000001);
  INSERT INTO enrolment_tokens VALUES
    ('et_1', 'anna', 't-1', 'rack 4', 1700000000000, 1900000000000, 1700000000000, NULL, 'mach_2'),
    ('et_2', 'ben', 't-2', '', 1700000000000, 1900000000000, NULL, NULL, NULL);
  INSERT INTO attestations VALUES ('hash-1', x'0900', x'08', x'07', 1700000000002);
  INSERT INTO receipts VALUES ('req_1', 'anna', 'prv_1', 1700000000003, x'00ff', x'04', 'hash-1');
  INSERT INTO documents VALUES ('runtime-manifest', '{"minimum_version":"0.1.0"}');`;
const SECOND_ROWS = `INSERT INTO known_models VALUES ('qwen3-8b', 'prv_1', 'anna', 1700000000004, '{"a":1}');`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-takeover-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function before(script: string, version: number): void {
  const database = new Database(join(dir, "hearth.db"));
  // As it was opened in those days.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  database.exec(`${script} PRAGMA application_id = ${0x48727468}; PRAGMA user_version = ${version};`);
  database.close();
}

const versionNow = (): unknown => {
  const database = new Database(join(dir, "hearth.db"));
  const [row] = database.pragma("user_version") as { user_version: number }[];
  database.close();
  return row?.user_version;
};

it.each([
  [1, FIRST_SCHEMA + ROWS],
  [2, FIRST_SCHEMA + SECOND_SCHEMA + ROWS + SECOND_ROWS],
])("takes over a database of version %d with everything in it", async (version, script) => {
  before(script, version);
  const store = await openSqliteStore(dir);
  const machines = await store.enrolments.listMachines({ limit: 9 });
  expect(machines).toEqual([
    {
      id: "mach_2",
      account: "anna",
      identity: "id-1",
      name: "Old",
      platform: "linux",
      agentVersion: "0.0.9",
      method: "enrolment_token",
      tokenDigest: "d-2",
      createdAtMs: 1700000000000,
      lastSeenAtMs: undefined,
      revokedAtMs: 1700000000001,
    },
    {
      id: "mach_1",
      account: "anna",
      identity: "id-1",
      name: "Studio",
      platform: "darwin",
      agentVersion: "0.1.0",
      method: "device_code",
      tokenDigest: "d-1",
      createdAtMs: 1700000000001,
      lastSeenAtMs: 1700000000009,
      revokedAtMs: undefined,
    },
  ]);
  expect(await store.enrolments.listTokens({ limit: 9 })).toMatchObject([
    { id: "et_1", account: "anna", usedAtMs: 1700000000000 },
    { id: "et_2", account: "ben", usedAtMs: undefined },
  ]);
  const receipt = await store.receipts.find("req_1", "anna");
  expect(receipt).toEqual({
    requestId: "req_1",
    account: "anna",
    providerId: "prv_1",
    createdAtMs: 1700000000003,
    blob: Uint8Array.of(0, 255),
    signature: Uint8Array.of(4),
    attestationHash: "hash-1",
  });
  expect((await store.attestations.get("hash-1"))?.blob).toEqual(Uint8Array.of(9, 0));
  expect(await store.documents.get("runtime-manifest")).toBe('{"minimum_version":"0.1.0"}');
  const models = (await store.knownModels.all()).map(({ model, facts }) => [model, facts]);
  expect(models).toEqual(version === 1 ? [] : [["qwen3-8b", '{"a":1}']]);
  // A token that was made then is spent now.
  const { account: _account, lastSeenAtMs: _seen, revokedAtMs: _revoked, ...newcomer } = machines[0] ?? expect.fail();
  const machine = { ...newcomer, id: "mach_3", tokenDigest: "d-3" };
  expect(await store.enrolments.redeem("t-2", machine, 9)).toMatchObject({
    type: "added",
    machine: { account: "ben" },
  });
  await store.close();
  expect(versionNow()).toBe(MIGRATIONS.length);
});

it("takes over what was used before it was told apart by API and end user", async () => {
  const steps = MIGRATIONS.slice(0, MIGRATIONS.indexOf(USAGE_ATTRIBUTION));
  const row = "'anna', 'key_1', 'm', 'm', 'prv_1'";
  const used = `
    INSERT INTO request_usage VALUES ('req_1', 1000, ${row}, 'failure', 1, 0, 2, 0, 3, 4, NULL, '{"code":"x"}');
    INSERT INTO usage_totals VALUES ('t', 'day', 0, 'anna', 'key_1', 'm', 'prv_1', 1, 1, 0, 1, 0, 2, 3, 4, 0, 0);`;
  before(steps.map(({ sqlite }) => sqlite).join("\n") + used, steps.length);
  const store = await openSqliteStore(dir, 100);
  const ever = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 9 };
  expect(await store.usage.list(ever)).toMatchObject([
    { requestId: "req_1", outcome: "failure", requests: 1, dialect: "", endpoint: "", endUser: "", tags: {} },
  ]);
  const totals = { requests: 1, refused: 0, failed: 1 };
  expect(await store.usage.totals({ ...ever, unit: "day", by: [] })).toMatchObject([totals]);
  expect(await store.usage.totals({ ...ever, unit: "day", by: ["end_user"] })).toMatchObject([totals]);
  await store.close();
});
