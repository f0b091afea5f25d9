import type pg from "pg";
import { MIGRATIONS } from "../schema/migrations.js";
import { outdated, StoreError } from "../store-error.js";

/** "Hrth": with the schema's name, the lock that only one coordinator brings a schema up to date under. */
const LOCK = 0x48727468;

/**
 * Makes the schema where there is none and brings it up to date, all of it or nothing, one coordinator at a time.
 *
 * @param where names the database, for the operator
 * @throws StoreError `foreign`, `schema_newer` or `refused`; what `pg` throws
 */
export async function migrate(client: pg.ClientBase, schema: string, where: string): Promise<void> {
  await client.query("BEGIN");
  await lockSchema(client, schema);
  await requireUnicode(client, where);
  const version = await versionOf(client, schema, where);
  if (version > MIGRATIONS.length) throw newer(where, version);
  await client.query(`SET LOCAL search_path TO "${schema}", pg_temp`);
  for (const { postgres } of MIGRATIONS.slice(version)) await client.query(postgres);
  await client.query("UPDATE schema_version SET version = $1 WHERE version <> $1", [MIGRATIONS.length]);
  await client.query("COMMIT");
}

/** Until the end of the transaction no coordinator starts on this schema, nor does anybody else bring it up to date. */
export async function lockSchema(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", [LOCK, schema]);
}

/**
 * Makes sure that the schema is there and of this version, and changes nothing.
 *
 * @throws StoreError `schema_older`, `schema_newer`, `refused`; what `pg` throws
 */
export async function requireCurrent(client: pg.ClientBase, schema: string, where: string): Promise<void> {
  const { rows: tables } = await client.query("SELECT to_regclass($1) AS found", [`"${schema}".schema_version`]);
  if (tables[0]?.found === null) throw new StoreError("refused", `${where} has no schema ${schema}: see DATABASE_URL.`);
  const { rows } = await client.query<{ version: number }>(`SELECT version FROM "${schema}".schema_version`);
  const version = rows[0]?.version ?? 0;
  if (version > MIGRATIONS.length) throw newer(where, version);
  if (version < MIGRATIONS.length) throw outdated(where, version);
}

function newer(where: string, version: number): StoreError {
  return new StoreError(
    "schema_newer",
    `${where} was written by a later version of Hearth (schema ${version}; this one knows ${MIGRATIONS.length}): run that version, or start from a backup.`,
  );
}

/** Another encoding would refuse texts that SQLite keeps. */
async function requireUnicode(client: pg.ClientBase, where: string): Promise<void> {
  const { rows } = await client.query<{ server_encoding: string }>("SHOW server_encoding");
  const encoding = rows[0]?.server_encoding;
  if (encoding === "UTF8") return;
  throw new StoreError("refused", `${where} is encoded in ${encoding}: make one with ENCODING 'UTF8'.`);
}

/** The steps that the schema has taken; makes an empty one where there is none. */
async function versionOf(client: pg.ClientBase, schema: string, where: string): Promise<number> {
  const { rowCount: schemas } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (schemas === 0) await client.query(`CREATE SCHEMA "${schema}"`);
  const tables = await client.query<{ relname: string }>(
    "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p', 'v', 'm')",
    [`"${schema}"`],
  );
  const names = tables.rows.map(({ relname }) => relname);
  if (!names.includes("schema_version")) {
    if (names.length > 0) {
      throw new StoreError(
        "foreign",
        `The schema ${schema} of ${where} has another program's tables: name another one.`,
      );
    }
    await client.query(`CREATE TABLE "${schema}".schema_version (version INTEGER NOT NULL)`);
    await client.query(`INSERT INTO "${schema}".schema_version (version) VALUES (0)`);
  }
  const { rows } = await client.query<{ version: number }>(`SELECT version FROM "${schema}".schema_version`);
  return rows[0]?.version ?? 0;
}
