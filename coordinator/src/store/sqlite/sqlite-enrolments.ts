import type {
  AddMachineResult,
  EnrolmentStore,
  EnrolmentToken,
  Machine,
  NewEnrolmentToken,
  NewMachine,
  Page,
  RedeemResult,
} from "../enrolment-store.js";
import type { Connection } from "./connection.js";
import { type MachineRow, machineOf, type TokenRow, tokenOf } from "./enrolment-rows.js";

const INSERT_MACHINE = `
  INSERT INTO machines (id, account, identity, name, platform, agent_version, method, token_digest, created_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const INSERT_TOKEN = `
  INSERT INTO enrolment_tokens (id, account, token_digest, note, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?, ?)`;

const COUNT_UNUSED = `
  SELECT count(*) AS n FROM enrolment_tokens
  WHERE account = ? AND used_at_ms IS NULL AND revoked_at_ms IS NULL AND expires_at_ms > ?`;

/** `EnrolmentStore` in SQLite. */
export class SqliteEnrolments implements EnrolmentStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async addMachine(machine: NewMachine, maxPerAccount: number): Promise<AddMachineResult> {
    return this.#connection.transaction(() => this.#add(machine, maxPerAccount));
  }

  async redeem(
    tokenDigest: string,
    machine: Omit<NewMachine, "account">,
    maxPerAccount: number,
  ): Promise<RedeemResult> {
    return this.#connection.transaction((): RedeemResult => {
      const row = this.#connection.row<TokenRow>("SELECT * FROM enrolment_tokens WHERE token_digest = ?", tokenDigest);
      if (row === undefined) return { type: "unknown" };
      if (row.revoked_at_ms !== null) return { type: "revoked" };
      if (row.used_at_ms !== null) return { type: "used" };
      if (row.expires_at_ms <= machine.createdAtMs) return { type: "expired" };
      const added = this.#add({ ...machine, account: row.account }, maxPerAccount);
      if (added.type === "added") {
        this.#connection.change(
          "UPDATE enrolment_tokens SET used_at_ms = ?, machine_id = ? WHERE id = ?",
          machine.createdAtMs,
          machine.id,
          row.id,
        );
      }
      return added;
    });
  }

  async activeMachines(): Promise<readonly Machine[]> {
    return this.#connection.rows<MachineRow>("SELECT * FROM machines WHERE revoked_at_ms IS NULL").map(machineOf);
  }

  async listMachines(page: Page): Promise<readonly Machine[]> {
    return this.#page<MachineRow>("machines", page).map(machineOf);
  }

  async revokeMachine(id: string, atMs: number, account?: string): Promise<Machine | undefined> {
    const row = this.#connection.row<MachineRow>(
      `UPDATE machines SET revoked_at_ms = ?1
       WHERE id = ?2 AND revoked_at_ms IS NULL AND (?3 IS NULL OR account = ?3) RETURNING *`,
      atMs,
      id,
      account ?? null,
    );
    return row === undefined ? undefined : machineOf(row);
  }

  async touch(seen: ReadonlyMap<string, number>): Promise<void> {
    if (seen.size === 0) return;
    this.#connection.transaction(() => {
      for (const [id, atMs] of seen) {
        this.#connection.change("UPDATE machines SET last_seen_at_ms = ? WHERE id = ?", atMs, id);
      }
    });
  }

  async addTokens(tokens: readonly NewEnrolmentToken[], maxUnused: number): Promise<"added" | "account_full"> {
    const [first] = tokens;
    if (first === undefined) return "added";
    return this.#connection.transaction(() => {
      const unused = this.#connection.row<{ n: number }>(COUNT_UNUSED, first.account, first.createdAtMs)?.n ?? 0;
      if (unused + tokens.length > maxUnused) return "account_full";
      for (const { id, account, tokenDigest, note, createdAtMs, expiresAtMs } of tokens) {
        this.#connection.change(INSERT_TOKEN, ...[id, account, tokenDigest, note, createdAtMs, expiresAtMs]);
      }
      return "added";
    });
  }

  async listTokens(page: Page): Promise<readonly EnrolmentToken[]> {
    return this.#page<TokenRow>("enrolment_tokens", page).map(tokenOf);
  }

  async revokeToken(id: string, atMs: number, account?: string): Promise<boolean> {
    const changed = this.#connection.change(
      `UPDATE enrolment_tokens SET revoked_at_ms = ?1
       WHERE id = ?2 AND used_at_ms IS NULL AND revoked_at_ms IS NULL AND expires_at_ms > ?1
       AND (?3 IS NULL OR account = ?3)`,
      atMs,
      id,
      account ?? null,
    );
    return changed > 0;
  }

  async prune(beforeMs: number): Promise<number> {
    return this.#connection.transaction(() => {
      const tokens = this.#connection.change(
        "DELETE FROM enrolment_tokens WHERE expires_at_ms < ?1 OR used_at_ms < ?1 OR revoked_at_ms < ?1",
        beforeMs,
      );
      return tokens + this.#connection.change("DELETE FROM machines WHERE revoked_at_ms < ?", beforeMs);
    });
  }

  #add(machine: NewMachine, maxPerAccount: number): AddMachineResult {
    const { id, account, identity, name, platform, agentVersion, method, tokenDigest, createdAtMs } = machine;
    const others = this.#connection.row<{ n: number }>(
      "SELECT count(*) AS n FROM machines WHERE account = ? AND identity <> ? AND revoked_at_ms IS NULL",
      account,
      identity,
    );
    if ((others?.n ?? 0) >= maxPerAccount) return { type: "account_full" };
    const row = this.#connection.row<MachineRow>(
      "UPDATE machines SET revoked_at_ms = ? WHERE account = ? AND identity = ? AND revoked_at_ms IS NULL RETURNING *",
      createdAtMs,
      account,
      identity,
    );
    const values = [id, account, identity, name, platform, agentVersion, method, tokenDigest, createdAtMs];
    this.#connection.change(INSERT_MACHINE, ...values);
    const replaced = row === undefined ? undefined : machineOf(row);
    return { type: "added", machine: { ...machine, lastSeenAtMs: undefined, revokedAtMs: undefined }, replaced };
  }

  #page<Row>(table: "machines" | "enrolment_tokens", { account, limit, after }: Page): Row[] {
    // Each of these shapes has an index of its own; one statement for all of them would use none.
    const conditions = [
      ...(account === undefined ? [] : ["account = ?1"]),
      ...(after === undefined ? [] : [`(created_at_ms, id) > (SELECT created_at_ms, id FROM ${table} WHERE id = ?2)`]),
    ];
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const sql = `SELECT * FROM ${table} ${where} ORDER BY created_at_ms, id LIMIT ?3`;
    return this.#connection.rows<Row>(sql, account ?? null, after ?? null, limit);
  }
}
