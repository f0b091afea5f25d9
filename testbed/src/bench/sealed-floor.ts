import { Agent, createServer, request as openRequest, type Server, type ServerResponse } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { agree, type Direction, freshKey, importRaw, open, RAW_KEY_BYTES, seal } from "./sealed-box.js";

// HTTP → WebSocket → HTTP with everything sealed, and nothing else: no routing, failover, limits, accounting or
// backpressure. What a coordinator costs beyond this is what it does, not what its transport and encryption cost.
// Request frame:  u32 stream | 32 bytes ephemeral key | sealed body
// Response frame: u32 stream | u32 seq | u16 status | u8 SSE | u8 last | sealed chunk (nothing in the last)

const REQUEST_HEADER_BYTES = 4 + RAW_KEY_BYTES;
const RESPONSE_HEADER_BYTES = 12;
const TYPES = ["application/json", "text/event-stream"];

/** The front: consumers speak HTTP to it, the back dials it, both on the same port. */
export function createSealedFront(): Server {
  const open_ = new Map<number, { response: ServerResponse; keys: Direction }>();
  let back: { socket: WebSocket; publicKey: ReturnType<typeof importRaw> } | undefined;
  let streams = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (back === undefined) return response.writeHead(503).end();
      const stream = ++streams;
      const ephemeral = freshKey();
      const keys = agree(ephemeral.privateKey, back.publicKey);
      const header = Buffer.allocUnsafe(REQUEST_HEADER_BYTES);
      header.writeUInt32BE(stream, 0);
      header.set(ephemeral.raw, 4);
      open_.set(stream, { response, keys: keys.response });
      back.socket.send(seal(keys.request, 0, header, Buffer.concat(parts)));
    });
  });
  server.keepAliveTimeout = 0;
  new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket) => {
    socket.once("message", (raw: Buffer) => {
      back = { socket, publicKey: importRaw(raw) };
      socket.on("message", (frame: Buffer) => relay(open_, frame));
    });
  });
  return server;
}

function relay(streams: Map<number, { response: ServerResponse; keys: Direction }>, frame: Buffer): void {
  const stream = frame.readUInt32BE(0);
  const entry = streams.get(stream);
  if (entry === undefined) return;
  const { response, keys } = entry;
  if (frame[11] === 1) {
    streams.delete(stream);
    response.end();
    return;
  }
  const header = frame.subarray(0, RESPONSE_HEADER_BYTES);
  const chunk = open(keys, frame.readUInt32BE(4), header, frame.subarray(RESPONSE_HEADER_BYTES));
  if (!response.headersSent) response.writeHead(frame.readUInt16BE(8), { "content-type": TYPES[frame[10] as number] });
  response.write(chunk);
}

/**
 * The back: dials the front, opens requests, calls the upstream and seals every chunk of the answer by itself.
 *
 * @returns what ends it
 */
export function connectSealedBack(frontPort: number, upstreamPort: number): Promise<() => void> {
  const { privateKey, raw } = freshKey();
  const agent = new Agent({ keepAlive: true });
  const socket = new WebSocket(`ws://127.0.0.1:${frontPort}`, { perMessageDeflate: false });
  socket.on("message", (frame: Buffer) => {
    const header = frame.subarray(0, REQUEST_HEADER_BYTES);
    const keys = agree(privateKey, importRaw(header.subarray(4)));
    const body = open(keys.request, 0, header, frame.subarray(REQUEST_HEADER_BYTES));
    const upstream = openRequest(
      { agent, host: "127.0.0.1", port: upstreamPort, method: "POST", path: "/v1/chat/completions" },
      (answer) => {
        const sse = answer.headers["content-type"] === TYPES[1] ? 1 : 0;
        let seq = 0;
        const headerOf = (last: number): Buffer => {
          const out = Buffer.allocUnsafe(RESPONSE_HEADER_BYTES);
          frame.copy(out, 0, 0, 4);
          out.writeUInt32BE(seq, 4);
          out.writeUInt16BE(answer.statusCode ?? 502, 8);
          out[10] = sse;
          out[11] = last;
          return out;
        };
        answer.on("data", (chunk: Buffer) => {
          socket.send(seal(keys.response, seq, headerOf(0), chunk));
          seq += 1;
        });
        answer.on("end", () => socket.send(headerOf(1)));
      },
    );
    upstream.setHeader("content-type", "application/json");
    upstream.end(body);
  });
  const close = (): void => {
    socket.terminate();
    agent.destroy();
  };
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("open", () => socket.send(raw, () => resolve(close)));
  });
}
