import { appleFreshness, type ProofFailure, verifyAppleDeviceChain } from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import { Enrolment } from "../enrolment/enrolment.js";
import type { Registry } from "../fleet/registry.js";
import { deviceVerdictOf } from "../fleet/trust/apple-device.js";
import { ManifestKeeper } from "../fleet/trust/manifest-keeper.js";
import { ProofDesk, type VerifyDevice } from "../fleet/trust/proof.js";
import type { Credentials } from "../platform/credentials.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import { ReceiptWriter } from "../receipts/receipt-writer.js";
import type { Store } from "../store/store.js";

/** What decides who may connect, what is believed of them, and what they have signed for. */
export interface Trust {
  readonly enrolment: Enrolment;
  readonly desk: ProofDesk;
  readonly manifest: ManifestKeeper;
  readonly receipts: ReceiptWriter;
  readonly newChallenge: () => Uint8Array;
  readonly proved: (
    kind: "attestation" | "challenge" | "key_update" | "receipt",
    outcome: "ok" | "missed" | "unexpected" | ProofFailure,
  ) => void;
  /** Writes down what is left to write. @returns what could not be written, in words for the operator */
  stop(): Promise<readonly string[]>;
}

export interface TrustDeps {
  readonly store: Store;
  readonly registry: Registry;
  /** Provider tokens of the configuration: any machine may use them. */
  readonly sharedTokens: Credentials;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly verifyDevice?: VerifyDevice | undefined;
}

/** @throws what the store throws; a stored manifest that is none */
export async function createTrust(deps: TrustDeps): Promise<Trust> {
  const { store, registry, clock, log, metrics } = deps;
  const manifest = await ManifestKeeper.load(store.documents, () => {
    for (const session of registry.connected()) session.manifestChanged();
  });
  const enrolment = await Enrolment.open({
    store: store.enrolments,
    clock,
    log,
    sharedTokens: deps.sharedTokens,
    hooks: {
      revoked: (_identity, enrolmentId) => shutOut(registry, enrolmentId),
      counted: (event) => metrics.enrolments.inc({ event }),
    },
  });
  const receipts = new ReceiptWriter({
    clock,
    log,
    receipts: store.receipts,
    attestations: store.attestations,
    lost: () => metrics.receiptsLost.inc(),
  });
  return {
    enrolment,
    desk: new ProofDesk(clock, deps.verifyDevice ?? verifyAppleDevice),
    manifest,
    receipts,
    newChallenge: () => deps.ids.challenge(),
    proved: (kind, outcome) => metrics.proofs.inc({ kind, outcome }),
    async stop() {
      const unwritten = await receipts.stop();
      await enrolment.close();
      return unwritten === 0 ? [] : [`${unwritten} receipts`];
    },
  };
}

/** A token that has ended takes its connection with it. */
function shutOut(registry: Registry, enrolmentId: string): void {
  for (const session of [...registry.sessions()]) {
    if (session.enrolmentId === enrolmentId) session.close("unauthorized");
  }
}

const verifyAppleDevice: VerifyDevice = (certificates, identityKey, now) =>
  deviceVerdictOf(verifyAppleDeviceChain({ certificates, expectedFreshness: appleFreshness(identityKey), now }));
