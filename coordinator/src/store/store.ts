import type { AccountStore } from "./account-store.js";
import type { AdminActionStore } from "./admin-action-store.js";
import type { AttestationStore } from "./attestation-store.js";
import type { DocumentStore } from "./document-store.js";
import type { EnrolmentStore } from "./enrolment-store.js";
import type { KnownModelStore } from "./known-model-store.js";
import type { LedgerStore } from "./ledger-store.js";
import type { NoticeStore } from "./notice-store.js";
import type { PriceStore } from "./price-store.js";
import type { ReceiptStore } from "./receipt-store.js";
import type { UsageStore } from "./usage-store.js";

/** What a coordinator keeps over a restart. A promise that has resolved survives a power cut. */
export interface Store {
  readonly enrolments: EnrolmentStore;
  readonly receipts: ReceiptStore;
  readonly attestations: AttestationStore;
  readonly documents: DocumentStore;
  readonly knownModels: KnownModelStore;
  readonly accounts: AccountStore;
  readonly usage: UsageStore;
  readonly ledger: LedgerStore;
  readonly prices: PriceStore;
  readonly actions: AdminActionStore;
  readonly notices: NoticeStore;
  /** Nothing may be asked of it afterwards. Idempotent. */
  close(): Promise<void>;
}
