import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chatJob } from "./job.js";
import { openConnections, runLoad } from "./loader.js";
import { createPlainFloor } from "./plain-floor.js";
import { connectSealedBack, createSealedFront } from "./sealed-floor.js";
import { createStub } from "./stub.js";

const servers: Server[] = [];

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("the floors relay complete answers", () => {
  let stubPort: number;

  beforeEach(async () => {
    stubPort = await listen(createStub());
  });

  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function expectComplete(port: number): Promise<void> {
    const connections = await openConnections(port, 8);
    const jobs = [chatJob(true, "key"), chatJob(false, "key")];
    const result = await runLoad({ connections, jobs, until: { requests: 64 } });
    for (const connection of connections) connection.close();
    expect(result.problems).toEqual([]);
    expect(result.latenciesMs).toHaveLength(64);
  }

  it("through the bare proxy", async () => {
    await expectComplete(await listen(createPlainFloor(stubPort)));
  });

  it("through the sealed relay", async () => {
    const port = await listen(createSealedFront());
    const close = await connectSealedBack(port, stubPort);
    await expectComplete(port);
    close();
  });
});
