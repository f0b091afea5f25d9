import type { LedgerAccountKind, UserPart } from "../../ledger-kinds.js";

export type PlatformKind = Exclude<LedgerAccountKind, UserPart>;

/** Each platform account is so many rows: every request moves `fees`, and nobody should have to wait there. */
const PLATFORM_ROWS = 16;

/** The name of a part of a user's money. No two users have one in common: what is before the stroke is a closed list. */
export function ledgerAccountOf(part: UserPart, owner: string): string {
  return `${part}/${owner}`;
}

/** The accounts that a reservation sets money of its payer's aside in. */
export function accountsOf(payer: string): readonly string[] {
  return [ledgerAccountOf("credit", payer), ledgerAccountOf("earned", payer)];
}

/** The row of a platform account that a transfer takes. */
export function platformAccountOf(kind: PlatformKind, transferId: string): string {
  return `${kind}/${rowOf(transferId)}`;
}

/** FNV-1a. */
function rowOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return (hash >>> 0) % PLATFORM_ROWS;
}
