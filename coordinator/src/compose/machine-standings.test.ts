import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import type { Provider } from "../fleet/provider.js";
import { providerIdOf } from "../fleet/registration.js";
import { machineStandings } from "./machine-standings.js";

const IDENTITY = "A".repeat(43);
const REPUTATION = { score: 40, reasons: {} };

function standingsOf(...here: readonly { readonly id: ProviderId; readonly account: string }[]) {
  const registry = { providers: () => (here as Provider[]).values() };
  return machineStandings(registry as never, () => REPUTATION)();
}

it.each([true, false])("finds a machine, whether or not it attests (%s)", (attested) => {
  const id = providerIdOf(IDENTITY, attested);
  const standingOf = standingsOf({ id, account: "anna" });
  expect(standingOf({ account: "anna", identity: IDENTITY })).toEqual({ provider: id, reputation: REPUTATION });
  expect(standingOf({ account: "anna", identity: "B".repeat(43) })).toBeUndefined();
});

it("shows nobody how a machine stands under whose identity he has enrolled one", () => {
  const standingOf = standingsOf({ id: providerIdOf(IDENTITY, true), account: "anna" });
  expect(standingOf({ account: "ben", identity: IDENTITY })).toBeUndefined();
});

it("finds the machine of one of two accounts that are connected under one identity", () => {
  const [proved, claimed] = [providerIdOf(IDENTITY, true), providerIdOf(IDENTITY, false)];
  const standingOf = standingsOf({ id: proved, account: "anna" }, { id: claimed, account: "ben" });
  expect(standingOf({ account: "ben", identity: IDENTITY })?.provider).toBe(claimed);
});
