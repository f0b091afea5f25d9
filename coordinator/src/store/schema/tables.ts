import type { EnrolmentMethod } from "../enrolment-store.js";

/** The tables as both engines have them. Times are wall-clock ms; what is bytes is read as engines give it. */
export interface Tables {
  readonly machines: MachineRow;
  readonly enrolment_tokens: TokenRow;
  readonly attestations: AttestationRow;
  readonly receipts: ReceiptRow;
  readonly documents: DocumentRow;
  readonly known_models: KnownModelRow;
}

export interface MachineRow {
  readonly id: string;
  readonly account: string;
  readonly identity: string;
  readonly name: string;
  readonly platform: string;
  readonly agent_version: string;
  readonly method: EnrolmentMethod;
  readonly token_digest: string;
  readonly created_at_ms: number;
  readonly last_seen_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

export interface TokenRow {
  readonly id: string;
  readonly account: string;
  readonly token_digest: string;
  readonly note: string;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly used_at_ms: number | null;
  readonly revoked_at_ms: number | null;
  readonly machine_id: string | null;
}

export interface AttestationRow {
  readonly hash: string;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
  readonly identity_key: Uint8Array;
  readonly created_at_ms: number;
}

export interface ReceiptRow {
  readonly request_id: string;
  readonly account: string;
  readonly provider_id: string;
  readonly created_at_ms: number;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
  readonly attestation_hash: string;
}

export interface DocumentRow {
  readonly name: string;
  readonly json: string;
}

export interface KnownModelRow {
  readonly model: string;
  readonly provider_id: string;
  readonly account: string;
  readonly answered_at_ms: number;
  readonly facts: string;
}
