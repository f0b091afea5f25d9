import type {
  AddMachineResult,
  Machine,
  MoveMachine,
  MoveMachineResult,
  NewMachine,
  Page,
  RedeemResult,
} from "../enrolment-store.js";
import type { MachineRow } from "../schema/tables.js";
import type { Trx } from "./operation.js";
import { readPage } from "./page.js";

export interface AddMachine {
  readonly machine: NewMachine;
  readonly maxPerAccount: number;
}

export async function addMachine(trx: Trx, { machine, maxPerAccount }: AddMachine): Promise<AddMachineResult> {
  if ((await othersOf(trx, machine)) >= maxPerAccount) return { type: "account_full" };
  const replaced = await revokeSame(trx, machine, machine.createdAtMs);
  const added = await trx.insertInto("machines").values(rowOf(machine)).returningAll().executeTakeFirstOrThrow();
  return { type: "added", machine: machineOf(added), replaced: replaced && machineOf(replaced) };
}

/** An account has one enrolment of an identity. */
type OfAccount = Pick<Machine, "account" | "identity">;

async function othersOf(trx: Trx, { account, identity }: OfAccount): Promise<number> {
  const others = await trx
    .selectFrom("machines")
    .select(({ fn }) => fn.countAll<number>().as("n"))
    .where("account", "=", account)
    .where("identity", "<>", identity)
    .where("revoked_at_ms", "is", null)
    .executeTakeFirstOrThrow();
  return others.n;
}

function revokeSame(trx: Trx, { account, identity }: OfAccount, atMs: number): Promise<MachineRow | undefined> {
  return trx
    .updateTable("machines")
    .set({ revoked_at_ms: atMs })
    .where("account", "=", account)
    .where("identity", "=", identity)
    .where("revoked_at_ms", "is", null)
    .returningAll()
    .executeTakeFirst();
}

export async function moveMachine(trx: Trx, move: MoveMachine): Promise<MoveMachineResult> {
  const { id, account, maxPerAccount, atMs } = move;
  const before = await trx
    .selectFrom("machines")
    .selectAll()
    .where("id", "=", id)
    .where("revoked_at_ms", "is", null)
    .executeTakeFirst();
  if (before === undefined) return { type: "unknown" };
  const { identity, account: from } = before;
  if (from === account) return { type: "moved", machine: machineOf(before), from, replaced: undefined };
  if ((await othersOf(trx, { account, identity })) >= maxPerAccount) return { type: "account_full" };
  const replaced = await revokeSame(trx, { account, identity }, atMs);
  const moved = await trx
    .updateTable("machines")
    .set({ account })
    .where("id", "=", id)
    .where("revoked_at_ms", "is", null)
    .returningAll()
    .executeTakeFirst();
  if (moved === undefined) return { type: "unknown" };
  return { type: "moved", machine: machineOf(moved), from, replaced: replaced && machineOf(replaced) };
}

export interface Redeem {
  readonly tokenDigest: string;
  readonly machine: Omit<NewMachine, "account">;
  readonly maxPerAccount: number;
}

export async function redeem(trx: Trx, { tokenDigest, machine, maxPerAccount }: Redeem): Promise<RedeemResult> {
  const token = await trx
    .selectFrom("enrolment_tokens")
    .selectAll()
    .where("token_digest", "=", tokenDigest)
    .executeTakeFirst();
  if (token === undefined) return { type: "unknown" };
  if (token.revoked_at_ms !== null) return { type: "revoked" };
  if (token.used_at_ms !== null) return { type: "used" };
  if (token.expires_at_ms <= machine.createdAtMs) return { type: "expired" };
  const added = await addMachine(trx, { machine: { ...machine, account: token.account }, maxPerAccount });
  if (added.type === "added") {
    await trx
      .updateTable("enrolment_tokens")
      .set({ used_at_ms: machine.createdAtMs, machine_id: machine.id })
      .where("id", "=", token.id)
      .execute();
  }
  return added;
}

export async function activeMachines(trx: Trx, _input: null): Promise<readonly Machine[]> {
  const rows = await trx.selectFrom("machines").selectAll().where("revoked_at_ms", "is", null).execute();
  return rows.map(machineOf);
}

export async function listMachines(trx: Trx, page: Page): Promise<readonly Machine[]> {
  return (await readPage(trx, "machines", page)).map(machineOf);
}

export interface Revoke {
  readonly id: string;
  readonly atMs: number;
  readonly account: string | undefined;
}

export async function revokeMachine(trx: Trx, { id, atMs, account }: Revoke): Promise<Machine | undefined> {
  const row = await trx
    .updateTable("machines")
    .set({ revoked_at_ms: atMs })
    .where("id", "=", id)
    .where("revoked_at_ms", "is", null)
    .$if(account !== undefined, (query) => query.where("account", "=", account ?? ""))
    .returningAll()
    .executeTakeFirst();
  return row && machineOf(row);
}

export async function touchMachines(trx: Trx, seen: ReadonlyMap<string, number>): Promise<void> {
  // In one order for everybody: two coordinators that note the same machines do not wait for each other in a circle.
  for (const [id, atMs] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await trx.updateTable("machines").set({ last_seen_at_ms: atMs }).where("id", "=", id).execute();
  }
}

function rowOf(machine: NewMachine): MachineRow {
  const { id, account, identity, name, platform, agentVersion, method, tokenDigest, createdAtMs } = machine;
  return {
    id,
    account,
    identity,
    name,
    platform,
    agent_version: agentVersion,
    method,
    token_digest: tokenDigest,
    created_at_ms: createdAtMs,
    last_seen_at_ms: null,
    revoked_at_ms: null,
  };
}

function machineOf(row: MachineRow): Machine {
  const { id, account, identity, name, platform, method } = row;
  return {
    id,
    account,
    identity,
    name,
    platform,
    agentVersion: row.agent_version,
    method,
    tokenDigest: row.token_digest,
    createdAtMs: row.created_at_ms,
    lastSeenAtMs: row.last_seen_at_ms ?? undefined,
    revokedAtMs: row.revoked_at_ms ?? undefined,
  };
}
