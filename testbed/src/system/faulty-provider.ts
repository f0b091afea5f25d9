import { once } from "node:events";
import type { Socket } from "node:net";
import { type EncryptionKeyPair, generateKeyPair, type ResponseSealer } from "@hearth/e2e";
import {
  DATA_HEADER_BYTES,
  DATA_MARKS,
  decodeCoordinatorFrame,
  decodeData,
  encodeControl,
  type RegisterFrame,
  type RequestFrame,
  SUBPROTOCOL,
  writeDataHeader,
} from "@hearth/protocol";
import { WebSocket } from "ws";
import { OpeningContexts } from "../scripted/opening-contexts.js";

/** One request, and the connection's own bytes to answer it with. */
export interface FaultyStream {
  readonly stream: number;
  readonly delivery: RequestFrame["delivery"];
  readonly response: ResponseSealer;
  /** Below the WebSocket: what is written here may end or break anywhere. */
  readonly raw: Socket;
  readonly socket: WebSocket;
}

export interface FaultyProviderOptions {
  readonly url: string;
  readonly token: string;
  readonly model: string;
  /** 32 bytes, base64url: another machine for each. */
  readonly identity: string;
  readonly play: (stream: FaultyStream) => void;
}

let keys: EncryptionKeyPair | undefined;

/** Registers a provider that answers its one request with bytes instead of frames. */
export async function connectFaultyProvider(options: FaultyProviderOptions): Promise<WebSocket> {
  keys ??= generateKeyPair();
  const keyPair = keys;
  const socket = new WebSocket(options.url, SUBPROTOCOL, { perMessageDeflate: false });
  socket.on("error", () => {});
  let raw: Socket | undefined;
  socket.on("upgrade", (response) => {
    raw = response.socket;
  });
  await once(socket, "open");
  // Every byte is a case of its own: fill would be cases that tell nothing new.
  const contexts = new OpeningContexts({ padding: "none" });
  let request: RequestFrame | undefined;
  const registered = new Promise<void>((resolve) => {
    socket.on("message", (message: Buffer, isBinary) => {
      if (!isBinary) {
        const decoded = decodeCoordinatorFrame(message.toString("utf8"));
        if (decoded.kind !== "frame") throw new Error(`the coordinator sent ${decoded.kind}`);
        if (decoded.frame.type === "registered") resolve();
        if (decoded.frame.type === "sealing_context") contexts.add(decoded.frame, keyPair);
        if (decoded.frame.type === "request") request = decoded.frame;
        return;
      }
      if (request === undefined || raw === undefined) throw new Error("the coordinator sent a body without a request");
      options.play({
        stream: request.stream,
        delivery: request.delivery,
        response: openBody(contexts, request, message),
        raw,
        socket,
      });
    });
  });
  socket.send(encodeControl(registerFrame(options, keyPair)));
  await registered;
  return socket;
}

function openBody(contexts: OpeningContexts, request: RequestFrame, message: Buffer): ResponseSealer {
  const body = decodeData(message);
  if (!body?.final) throw new Error("the request of a fault case fits in one frame");
  const opener = contexts.openerOf(request);
  opener.open(body.ciphertext, body.seq, body.final);
  return opener.response;
}

function registerFrame(options: FaultyProviderOptions, keyPair: EncryptionKeyPair): RegisterFrame {
  return {
    type: "register",
    versions: { min: 2, max: 2 },
    token: options.token,
    agent: { version: "1.0.0" },
    identity: options.identity,
    encryption_key: {
      key_id: keyPair.keyId,
      public_key: Buffer.from(keyPair.publicKey).toString("base64url"),
    },
    hardware: { platform: "test", arch: "test", cpu_cores: 8, memory_bytes: 64 * 2 ** 30 },
    models: [{ id: options.model, capabilities: {} }],
    slots: [],
  };
}

/** The next response chunk as a whole WebSocket frame. */
export function sealedFrame(
  { response, stream }: FaultyStream,
  plaintext: string | Uint8Array,
  final: boolean,
): Buffer {
  const seq = response.nextSeq;
  const frame = response.seal(bytesOf(plaintext), final, DATA_HEADER_BYTES, DATA_MARKS.content);
  writeDataHeader(frame, { kind: "response", stream, seq, final, holds: "content" });
  return webSocketFrame(BINARY, frame);
}

/** A control frame as a whole WebSocket frame. */
export function textFrame(text: string): Buffer {
  return webSocketFrame(TEXT, Buffer.from(text));
}

const TEXT = 1;
const BINARY = 2;
const FIN = 0x80;
const MASKED = 0x80;
/** A mask of zeros is a mask, and leaves the bytes readable. */
const MASK = Buffer.alloc(4);

function webSocketFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const head =
    length < 126 ? [FIN | opcode, MASKED | length] : [FIN | opcode, MASKED | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), MASK, payload]);
}

/** Bytes of a frame in front of its payload. */
export function framingBytes(frame: Buffer): number {
  return (frame.readUInt8(1) & 0x7f) === 126 ? 8 : 6;
}

const bytesOf = (plaintext: string | Uint8Array): Uint8Array =>
  typeof plaintext === "string" ? Buffer.from(plaintext) : plaintext;
