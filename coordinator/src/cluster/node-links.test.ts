import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { seededRng } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { systemClock } from "../platform/clock.js";
import { systemIds } from "../platform/ids.js";
import { createLogger } from "../platform/logger.js";
import { clusterKeysOf } from "./cluster-keys.js";
import type { NodeFacts } from "./membership.js";
import { NodeLinks } from "./node-links.js";

const { link: KEY } = clusterKeysOf("a-secret-of-all-nodes-of-the-tests-0123456789");

interface Node {
  readonly links: NodeLinks;
  readonly server: Server;
  readonly facts: NodeFacts;
  readonly changed: string[];
}

describe("the connections between nodes", () => {
  let nodes: Node[];
  beforeEach(() => {
    nodes = [];
  });
  afterEach(() => {
    for (const { links, server } of nodes) {
      links.close();
      server.closeAllConnections();
      server.close();
    }
  });

  async function node(id: string, epoch = 1): Promise<Node> {
    const changed: string[] = [];
    const links = new NodeLinks({
      ...{ clock: systemClock, rng: seededRng(1), log: createLogger("silent") },
      handshake: { key: KEY, self: { id, epoch }, newNonce: () => systemIds.challenge() },
      admit: () => ({ type: "refused" }),
      disconnect() {},
      changed: (of) => changed.push(of),
    });
    const server = createServer();
    server.on("upgrade", (request, raw, head) => {
      raw.on("error", () => {});
      if (!links.accept(request, raw, head, { addressOf: () => "192.0.2.1", recognised() {} })) raw.destroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const facts: NodeFacts = {
      ...{ id, epoch, address: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` },
      ...{ capacity: 1, providers: 0, draining: false, versions: { min: 1, max: 1 }, published: 0 },
    };
    const made = { links, server, facts, changed };
    nodes.push(made);
    return made;
  }

  const know = (...known: readonly Node[]): ReadonlyMap<string, NodeFacts> =>
    new Map(known.map(({ facts }) => [facts.id, facts]));

  it("are one for each pair, dialled by the one whose name comes first", async () => {
    const [a, b] = [await node("a"), await node("b")];
    b.links.reach(know(a));
    a.links.reach(know(b));
    a.links.reach(know(b));
    await vi.waitUntil(() => a.links.to("b")?.isOpen && b.links.to("a")?.isOpen);
    expect([a.changed, b.changed]).toEqual([["b"], ["a"]]);
    a.links.to("b")?.close("leaving");
    await vi.waitUntil(() => b.links.to("a") === undefined);
  });

  it("are given up for those of a younger process of the same name", async () => {
    const [a, b] = [await node("a"), await node("b", 1)];
    a.links.reach(know(b));
    await vi.waitUntil(() => a.links.to("b") !== undefined);
    const younger = await node("b", 2);
    await vi.waitUntil(() => {
      a.links.reach(know(younger));
      return a.links.to("b")?.peer.epoch === 2;
    });
  });

  it("are let be begun by so many strangers of one address, and by nobody who offers something else", async () => {
    const a = await node("a");
    const dial = (protocol: string): WebSocket => {
      const socket = new WebSocket(`${a.facts.address}/ws/node`, protocol);
      socket.on("error", () => {});
      return socket;
    };
    const strangers = Array.from({ length: 8 }, () => dial("hearth.node.v1"));
    await Promise.all(strangers.map((socket) => once(socket, "open")));
    const [, full] = (await once(dial("hearth.node.v1"), "unexpected-response")) as [unknown, { statusCode: number }];
    expect(full.statusCode).toBe(503);
    strangers[0]?.terminate();
    await vi.waitUntil(async () => {
      const next = dial("hearth.node.v1");
      const event = await Promise.race([once(next, "open").then(() => "open"), once(next, "unexpected-response")]);
      return event === "open";
    });
    const [, odd] = (await once(dial("other"), "unexpected-response")) as [unknown, { statusCode: number }];
    expect([400, 503]).toContain(odd.statusCode);
    for (const socket of strangers) socket.terminate();
  });
});
