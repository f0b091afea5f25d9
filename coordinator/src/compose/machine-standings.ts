import type { ProviderId, Reputation } from "@hearth/protocol";
import { providerIdOf } from "../fleet/registration.js";
import type { Registry } from "../fleet/registry.js";
import type { Machine } from "../store/enrolment-store.js";

/** As what a machine that has enrolled is connected or expected back, and how it stands. */
interface MachineStanding {
  readonly provider: ProviderId;
  readonly reputation: Reputation;
}

/**
 * Finds how machines stand that have enrolled. Anybody may enrol under any identity: it is the one that its account is
 * connected with that counts, so that nobody sees by that how somebody else's machine stands.
 *
 * @returns what looks machines up among those that are here now; `undefined` = it is not
 */
export function machineStandings(
  registry: Pick<Registry, "providers">,
  standing: (id: ProviderId) => Reputation,
): () => (machine: Pick<Machine, "account" | "identity">) => MachineStanding | undefined {
  return () => {
    const accounts = new Map([...registry.providers()].map(({ id, account }) => [id, account]));
    return ({ account, identity }) => {
      const ids = [true, false].map((attested) => providerIdOf(identity, attested));
      const provider = ids.find((id) => accounts.get(id) === account);
      return provider && { provider, reputation: standing(provider) };
    };
  };
}
