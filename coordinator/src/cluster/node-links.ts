import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Backoff, type Clock, type Rng, Rounds, Tally } from "@hearth/platform";
import { WebSocket, WebSocketServer } from "ws";
import { corker } from "../fleet/corker.js";
import type { Logger } from "../platform/logger.js";
import type { NodeFacts } from "./membership.js";
import { NODE_FRAME_BYTES } from "./node-frames.js";
import { admitNode, greet, type NodeHandshake, type NodeHandshakeDeps } from "./node-handshake.js";
import { type LinkEnd, NodeLink, type NodeLinkDeps, type NodeLinkHooks } from "./node-link.js";

const NODE_PATH = "/ws/node";
const NODE_SUBPROTOCOL = "hearth.node.v1";

/** A node that is silent is asked so often whether it is there, and has gone after two such times, ms. */
const PING_MS = 5_000;
/** Who has not proved anything yet: in all, and of one address. */
const MAX_STRANGERS = { inAll: 64, perAddress: 8 };
const REFUSED_MS = 1_000;

export interface NodeLinksDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly handshake: Omit<NodeHandshakeDeps, "clock">;
  readonly admit: NodeLinkDeps["admit"];
  readonly disconnect: NodeLinkHooks["disconnect"];
  /** A node has come into reach, or is out of it. Told before the streams are. */
  readonly changed: (node: string) => void;
}

/** How those come in that want to be a node. */
export interface NodeDoor {
  /** Where a request comes from. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** Told of the connection of one that has proved that it is one. */
  readonly recognised: (raw: Duplex) => void;
}

interface Dialling {
  /** Not before this, ms. */
  notBefore: number;
  readonly backoff: Backoff;
  isRunning: boolean;
}

/** One connection to each other node: the node whose id comes first dials. */
export class NodeLinks {
  readonly #deps: NodeLinksDeps;
  readonly #rounds: Rounds;
  readonly #links = new Map<string, NodeLink>();
  readonly #dialling = new Map<string, Dialling>();
  readonly #strangers = new Tally();
  #strangersInAll = 0;
  #isClosed = false;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: NODE_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(NODE_SUBPROTOCOL) ? NODE_SUBPROTOCOL : false),
  });

  constructor(deps: NodeLinksDeps) {
    this.#deps = deps;
    this.#rounds = new Rounds(deps.clock, PING_MS);
  }

  /** `undefined` = its machines are out of reach. */
  to(node: string): NodeLink | undefined {
    return this.#links.get(node);
  }

  /** Streams of other nodes with machines of this one. */
  get relayed(): number {
    return [...this.#links.values()].reduce((sum, { relayed }) => sum + relayed, 0);
  }

  /** These nodes are there now. */
  reach(nodes: ReadonlyMap<string, NodeFacts>): void {
    const { handshake, clock } = this.#deps;
    for (const id of this.#dialling.keys()) if (!nodes.has(id)) this.#dialling.delete(id);
    for (const [id, { epoch }] of nodes) {
      const link = this.#links.get(id);
      // It is another process by now.
      if (link !== undefined && link.peer.epoch < epoch) link.close("replaced");
    }
    for (const node of nodes.values()) {
      if (handshake.self.id >= node.id || this.#links.has(node.id)) continue;
      const dialling = this.#dialling.get(node.id) ?? this.#newDialling(node.id);
      if (!dialling.isRunning && clock.now() >= dialling.notBefore) this.#dial(node, dialling);
    }
  }

  /** Takes an upgrade to the path of nodes. @returns `false` for one to another path */
  accept(request: IncomingMessage, raw: Duplex, head: Buffer, door: NodeDoor): boolean {
    if ((request.url ?? "").split("?", 1)[0] !== NODE_PATH) return false;
    const address = door.addressOf(request);
    const full = this.#strangersInAll >= MAX_STRANGERS.inAll || this.#strangers.of(address) >= MAX_STRANGERS.perAddress;
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
    if (full || this.#isClosed || !offered.includes(NODE_SUBPROTOCOL)) {
      this.#refuse(raw, full || this.#isClosed ? "503 Service Unavailable" : "400 Bad Request");
      return true;
    }
    this.#strangers.add(address);
    this.#strangersInAll += 1;
    let isStranger = true;
    const known = (): void => {
      if (!isStranger) return;
      isStranger = false;
      this.#strangers.remove(address);
      this.#strangersInAll -= 1;
    };
    raw.once("close", known);
    this.#server.handleUpgrade(request, raw, head, (socket) => {
      socket.on("error", () => {});
      admitNode({ socket, raw }, this.#handshakeDeps, (result) => {
        known();
        if (result.type === "peer") door.recognised(raw);
        this.#opened({ socket, raw, dialled: false }, result);
      });
    });
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links.values()) link.close("leaving");
    this.#server.close();
  }

  get #handshakeDeps(): NodeHandshakeDeps {
    return { ...this.#deps.handshake, clock: this.#deps.clock };
  }

  #newDialling(node: string): Dialling {
    const dialling = { notBefore: 0, backoff: new Backoff(this.#deps.rng), isRunning: false };
    this.#dialling.set(node, dialling);
    return dialling;
  }

  #dial({ id, address }: NodeFacts, dialling: Dialling): void {
    const { clock } = this.#deps;
    dialling.isRunning = true;
    const socket = new WebSocket(`${address}${NODE_PATH}`, NODE_SUBPROTOCOL, {
      perMessageDeflate: false,
      maxPayload: NODE_FRAME_BYTES,
      handshakeTimeout: 5_000,
    });
    let raw: Duplex | undefined;
    const ended = (): void => {
      dialling.isRunning = false;
    };
    socket.on("error", (error) => this.#deps.log.debug({ node: id, problem: error.message }, "node socket error"));
    socket.on("upgrade", (response) => {
      raw = response.socket;
    });
    socket.once("open", () => {
      if (raw === undefined) return socket.terminate();
      greet({ socket, raw, expected: id }, this.#handshakeDeps, (result) => {
        if (result.type === "peer") dialling.backoff.reset();
        this.#opened({ socket, raw: raw as Duplex, dialled: true }, result);
      });
    });
    socket.once("close", () => {
      ended();
      dialling.notBefore = clock.now() + dialling.backoff.next();
    });
  }

  #opened(
    { socket, raw, dialled }: { readonly socket: WebSocket; readonly raw: Duplex; readonly dialled: boolean },
    result: NodeHandshake,
  ): void {
    const { log, clock, admit, disconnect } = this.#deps;
    if (result.type === "refused") return log.warn({ dialled, problem: result.problem }, "node refused");
    if (this.#isClosed) return socket.terminate();
    const { peer } = result;
    const before = this.#links.get(peer.id);
    const hooks = { closed: this.#closed, disconnect };
    const link = new NodeLink(
      { socket, cork: corker(raw), peer, dialled },
      { clock, rounds: this.#rounds, admit, hooks },
    );
    this.#links.set(peer.id, link);
    before?.close("replaced");
    log.info({ node: peer.id, dialled }, "node connected");
    this.#deps.changed(peer.id);
  }

  readonly #closed = (link: NodeLink, reason: LinkEnd, problem?: string): void => {
    this.#deps.log.info({ node: link.peer.id, reason, problem }, "node disconnected");
    if (this.#links.get(link.peer.id) !== link) return;
    this.#links.delete(link.peer.id);
    this.#deps.changed(link.peer.id);
  };

  #refuse(raw: Duplex, status: string): void {
    const cut = this.#deps.clock.setTimer(REFUSED_MS, () => raw.destroy());
    raw.on("error", () => {});
    raw.once("close", () => cut[Symbol.dispose]());
    raw.resume();
    raw.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
}
