// A process of the bench: `node role.js stub | plain UPSTREAM | sealed-front | sealed-back FRONT UPSTREAM |
// machines COORDINATOR FIRST COUNT`.
// It prints one line when it is ready, `ready PORT`, and ends when its standard input does: with the bench itself,
// however that ended.
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

const [role, ...ports] = process.argv.slice(2);
const [first = 0, second = 0, third = 0] = ports.map(Number);

process.stdin.on("end", () => process.exit(0)).resume();
// Ctrl-C reaches the whole group; the bench decides when its processes end.
process.on("SIGINT", () => {});
// By itself, not by the signal: else V8 would leave no profile.
process.on("SIGTERM", () => process.exit(0));

// Imported by need, so that no floor carries another's modules in its memory.
switch (role) {
  case "stub":
    await listen((await import("./stub.js")).createStub());
    break;
  case "plain":
    await listen((await import("./plain-floor.js")).createPlainFloor(first));
    break;
  case "sealed-front":
    await listen((await import("./sealed-floor.js")).createSealedFront());
    break;
  case "sealed-back":
    await (await import("./sealed-floor.js")).connectSealedBack(first, second);
    console.log("ready 0");
    break;
  case "machines":
    await listen((await import("./lean-machines.js")).createLeanMachines(first, second, third));
    break;
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  console.log(`ready ${(server.address() as AddressInfo).port}`);
}
