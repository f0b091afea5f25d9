import type { Clock } from "@hearth/platform";
import type { Hono } from "hono";
import type { Principals } from "../accounts/resolution.js";
import { named } from "../api/named-schemas.js";
import { attestationListSchema, receiptSchema } from "../api/proof-schemas.js";
import { describeReceipt, listAttestations } from "../api/public-proof.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { HearthError } from "../platform/errors.js";
import type { ReceiptWriter } from "../receipts/receipt-writer.js";
import { authenticate } from "./authenticate.js";
import { described, type Operation } from "./openapi/operation.js";
import type { HttpEnv } from "./routing.js";

export interface ProofDeps {
  readonly principals: Principals;
  readonly directory: ProviderDirectory;
  readonly receipts: ReceiptWriter;
  readonly clock: Clock;
}

/** How long the public list is answered from memory, ms: anybody may ask for it, as often as they like. */
const LIST_KEPT_MS = 1_000;

const ATTESTATIONS: Operation = {
  id: "listAttestations",
  audience: "Inference",
  summary: "List what the connected providers have proved about themselves",
  description: "With all that a third party needs to verify it again. Serials are hashed with a salt.",
  answer: named("AttestationList", attestationListSchema),
  open: true,
};

const RECEIPT: Operation = {
  id: "retrieveReceipt",
  audience: "Inference",
  summary: "Get what the provider of a request has signed",
  description:
    "By the request's id, for the account that made it. While it may still come, a 404 with the code receipt_pending. Anybody can verify it: see docs/receipts.md.",
  answer: named("Receipt", receiptSchema),
};

/** What machines have proved, and what they have signed for. */
export function proofRoutes(app: Hono<HttpEnv>, deps: ProofDeps): void {
  const { directory, receipts, clock, principals } = deps;
  let list: { readonly json: string; readonly until: number } | undefined;
  app.get(
    "/v1/providers/attestation",
    described(ATTESTATIONS, (c) => {
      if (list === undefined || list.until <= clock.now()) {
        // A machine that its owner keeps to himself is nobody else's business.
        const listed = [...directory.connected()].filter(({ availableTo }) => availableTo !== "owner");
        const json = JSON.stringify(listAttestations(listed, clock));
        list = { json, until: clock.now() + LIST_KEPT_MS };
      }
      c.header("Content-Type", "application/json; charset=utf-8");
      return c.body(list.json);
    }),
  );
  app.get(
    "/v1/receipts/:id",
    described(RECEIPT, async (c) => {
      const { account } = await authenticate(c.env.incoming.headers, principals, "inference");
      const kept = await receipts.find((c.req.param("id") ?? "").slice(0, 128), account);
      if (kept === undefined) throw new HearthError("not_found", "There is no receipt for this request.");
      if (kept === "pending") {
        const wait = { retryAfterSeconds: 1 };
        throw new HearthError("receipt_pending", "The receipt for this request is not here yet: ask again.", wait);
      }
      return c.json(describeReceipt(kept));
    }),
  );
}
