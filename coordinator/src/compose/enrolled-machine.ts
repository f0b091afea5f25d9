import type { ProviderId } from "@hearth/protocol";
import type { Enrolment } from "../enrolment/enrolment.js";
import { providerIdOf } from "../fleet/registration.js";
import type { Registry } from "../fleet/registry.js";
import type { Machine } from "../store/enrolment-store.js";

/**
 * Finds what a machine has enrolled as. Anybody may enrol under any identity: of one that is connected or expected back
 * it is what its connection was let in by, of one that is away the only enrolment that there is.
 *
 * @returns `undefined` = it uses a shared token, or it cannot be told which enrolment is meant
 */
export function enrolledMachine(
  registry: Pick<Registry, "link" | "providers">,
  enrolment: Pick<Enrolment, "machines">,
): (id: ProviderId) => Machine | undefined {
  return (id) => {
    const link = registry.link(id);
    const machines = [...enrolment.machines()];
    if (link !== undefined) return machines.find((machine) => machine.id === link.enrolmentId);
    // A token of its own is good only for a machine that proves its identity.
    const same = machines.filter(({ identity }) => providerIdOf(identity, true) === id);
    const away = [...registry.providers()].find((provider) => provider.id === id);
    const found = away === undefined ? same : same.filter(({ account }) => account === away.account);
    return found.length === 1 ? found[0] : undefined;
  };
}
