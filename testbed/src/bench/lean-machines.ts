import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { systemRng } from "@hearth/platform";
import { addressOf, MODELS } from "./fleet-plan.js";
import { type FleetCount, LeanMachine } from "./lean-machine.js";
import { Presence } from "./presence.js";

/** Who a machine is, and the digest of its token, for whoever enrols it. */
export interface LeanIdentity {
  readonly index: number;
  readonly identity: string;
  readonly tokenDigest: string;
}

/**
 * Holds machines, and does what it is asked on its port: `/identities` of all, `/dial?ms=…` has all of them connect within
 * so long, and `/count` says how they stand.
 *
 * @param port of the coordinator
 * @param first the number of the first machine of the fleet that is here
 */
export function createLeanMachines(port: number, first: number, machines: number): Server {
  const count: FleetCount = { registered: 0, beats: 0, dials: 0, lost: 0 };
  const presence = new Presence(port);
  const held = Array.from({ length: machines }, (_, offset) => {
    const index = first + offset;
    return new LeanMachine({
      port,
      model: `model-${index % MODELS}`,
      address: addressOf(index),
      count,
      presence,
      rng: systemRng,
    });
  });
  return createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://machines");
    switch (pathname) {
      case "/identities":
        return void response.end(JSON.stringify(held.map((machine, offset) => identityOf(machine, first + offset))));
      case "/dial":
        for (const [offset, machine] of held.entries()) {
          setTimeout(() => machine.dial(), (offset / machines) * Number(searchParams.get("ms")));
        }
        return void response.end();
      default:
        return void response.end(JSON.stringify(count));
    }
  });
}

function identityOf({ identity, token }: LeanMachine, index: number): LeanIdentity {
  return { index, identity, tokenDigest: createHash("sha256").update(token).digest("hex") };
}
