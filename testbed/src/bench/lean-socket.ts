import { createConnection, type Socket } from "node:net";
import { SUBPROTOCOL } from "@hearth/protocol";

const TEXT = 0x1;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
const FINAL = 0x80;
const MASKED = 0x80;
/** Any will do; one of zeros would spare the server what real clients have it do. */
const MASK = Buffer.from([0x5a, 0xc3, 0x1f, 0x96]);
/** Any 16 bytes; nobody here checks what the server makes of them. */
const KEY = Buffer.alloc(16, "lean").toString("base64");
const END_OF_HEAD = "\r\n\r\n";

export interface LeanSocketHooks {
  open(): void;
  message(text: string): void;
  /** Nobody listens. */
  refused(): void;
  /** Once, also after `refused`. */
  close(): void;
}

export interface LeanSocketTarget {
  readonly port: number;
  readonly path: string;
  /** More of the request's head. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The client's end of a WebSocket (RFC 6455) as far as an idle machine needs one: thousands of them share a core with
 * each other, and a library's would take most of it. It trusts its server, which sends no message in parts.
 */
export class LeanSocket {
  readonly #socket: Socket;
  readonly #hooks: LeanSocketHooks;
  #isOpen = false;
  #unread: Buffer = Buffer.alloc(0);

  constructor({ port, path, headers }: LeanSocketTarget, hooks: LeanSocketHooks) {
    this.#hooks = hooks;
    this.#socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNREFUSED") hooks.refused();
    });
    this.#socket.once("close", () => hooks.close());
    this.#socket.on("data", (data) => this.#read(data));
    this.#socket.once("connect", () => this.#socket.write(headOf(path, { host: `127.0.0.1:${port}`, ...headers })));
  }

  send(text: string): void {
    if (this.#isOpen) this.#frame(TEXT, Buffer.from(text));
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    this.#unread = this.#unread.length === 0 ? data : Buffer.concat([this.#unread, data]);
    if (!this.#isOpen && !this.#readHead()) return;
    for (let frame = frameAt(this.#unread); frame !== undefined; frame = frameAt(this.#unread)) {
      this.#unread = this.#unread.subarray(frame.bytes);
      this.#take(frame);
    }
  }

  /** @returns whether the connection is open now */
  #readHead(): boolean {
    const end = this.#unread.indexOf(END_OF_HEAD);
    if (end < 0) return false;
    if (!this.#unread.toString("latin1", 0, end).startsWith("HTTP/1.1 101 ")) {
      this.terminate();
      return false;
    }
    this.#unread = this.#unread.subarray(end + END_OF_HEAD.length);
    this.#isOpen = true;
    this.#hooks.open();
    return true;
  }

  #take({ opcode, payload }: Frame): void {
    switch (opcode) {
      case TEXT:
        return this.#hooks.message(payload.toString("utf8"));
      case PING:
        return this.#frame(PONG, payload);
      case CLOSE:
        this.#frame(CLOSE, payload);
        this.#socket.end();
    }
  }

  #frame(opcode: number, payload: Buffer): void {
    const head = payload.length < 126 ? 2 : 4;
    const frame = Buffer.allocUnsafe(head + 4 + payload.length);
    frame[0] = FINAL | opcode;
    frame[1] = MASKED | (head === 2 ? payload.length : 126);
    if (head === 4) frame.writeUInt16BE(payload.length, 2);
    MASK.copy(frame, head);
    const body = frame.subarray(head + 4);
    for (const [at, byte] of payload.entries()) body[at] = byte ^ (MASK[at & 3] ?? 0);
    this.#socket.write(frame);
  }
}

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** With its head. */
  readonly bytes: number;
}

/** @returns `undefined` where not all of it is there */
function frameAt(data: Buffer): Frame | undefined {
  if (data.length < 2) return undefined;
  const [first = 0, length = 0] = data;
  if (length === 126 && data.length < 4) return undefined;
  const head = length === 126 ? 4 : 2;
  const bytes = head + (length === 126 ? data.readUInt16BE(2) : length);
  if (data.length < bytes) return undefined;
  return { opcode: first & 0xf, payload: data.subarray(head, bytes), bytes };
}

function headOf(path: string, headers: Readonly<Record<string, string>>): string {
  const all = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
    "sec-websocket-protocol": SUBPROTOCOL,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${path} HTTP/1.1`, ...lines].join("\r\n") + END_OF_HEAD;
}
