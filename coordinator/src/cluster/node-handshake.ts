import type { Duplex } from "node:stream";
import type { Clock } from "@hearth/platform";
import type { RawData, WebSocket } from "ws";
import { z } from "zod";
import { isSameMac, macOf } from "./cluster-keys.js";

/** What nodes of this version speak with each other. */
export const NODE_VERSIONS = { min: 1, max: 1 };

/** The whole of it has to be over by then, ms. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Bytes that a stranger may send. */
const HANDSHAKE_BYTES = 8 * 1024;

const name = z.string().min(1).max(128);
const epoch = z.int().nonnegative();
const nonce = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const mac = nonce;
const version = z.int().min(1).max(1_000);

const helloSchema = z.object({
  type: z.literal("hello"),
  ...{ node: name, epoch, nonce, versions: z.object({ min: version, max: version }) },
});
const challengeSchema = z.object({ type: z.literal("challenge"), node: name, epoch, nonce, version });
const proofSchema = z.object({ type: z.literal("proof"), mac });
const welcomeSchema = z.object({ type: z.literal("welcome"), mac });

type Hello = z.infer<typeof helloSchema>;
type Challenge = z.infer<typeof challengeSchema>;

/** This node, as it names itself. */
export interface Self {
  readonly id: string;
  readonly epoch: number;
}

/** Who is at the other end, proved. */
export interface Peer extends Self {
  readonly version: number;
}

export interface NodeHandshakeDeps {
  readonly clock: Clock;
  readonly key: Uint8Array;
  readonly self: Self;
  /** 32 unpredictable bytes. */
  readonly newNonce: () => Uint8Array;
}

/** A peer, or in words why it is none: then the socket has been cut. */
export type NodeHandshake =
  | { readonly type: "peer"; readonly peer: Peer }
  | { readonly type: "refused"; readonly problem: string };

/** What comes of a message: the end, or what is said to it and how the answer is read. */
type Step =
  | (NodeHandshake & { readonly words?: object })
  | { readonly type: "asked"; readonly words?: object; readonly answered: (text: string) => Step };

/** Told in the turn in which it ends, so that nothing which follows is missed. */
type Done = (result: NodeHandshake) => void;

/**
 * Both ends prove that they know the secret, over nonces of both: a recording proves nothing, what one end says cannot be
 * sent back to it, and who only listens learns nothing. Who dials goes first, so that a stranger is told nothing at all.
 *
 * @param expected who has to be there
 */
export function greet(
  { socket, raw, expected }: NodeSocket & { readonly expected: string },
  deps: NodeHandshakeDeps,
  done: Done,
): void {
  const hello: Hello = { type: "hello", ...named(deps), versions: NODE_VERSIONS };
  const answered = (text: string): Step => {
    const challenge = read(challengeSchema, text);
    if (challenge === undefined) return refused("no challenge");
    if (challenge.node !== expected) return refused("another node than the one that was dialled");
    if (challenge.version < NODE_VERSIONS.min || challenge.version > NODE_VERSIONS.max)
      return refused("no common version");
    const proof = { type: "proof", mac: proofOf("dialler", hello, challenge, deps) };
    return { type: "asked", words: proof, answered: (answer) => readWelcome(answer, hello, challenge, deps) };
  };
  converse({ socket, raw }, deps, { type: "asked", words: hello, answered }, done);
}

/** The other end of `greet`. */
export function admitNode(ends: NodeSocket, deps: NodeHandshakeDeps, done: Done): void {
  converse(ends, deps, { type: "asked", answered: (text) => readHello(text, deps) }, done);
}

/** A WebSocket, and the socket below it: its byte count enforces the limit before a message is assembled. */
export interface NodeSocket {
  readonly socket: WebSocket;
  readonly raw: Duplex;
}

function converse({ socket, raw }: NodeSocket, { clock }: NodeHandshakeDeps, first: Step, done: Done): void {
  let bytes = 0;
  let read: (text: string) => Step = () => refused("nothing was asked");
  const end = (result: NodeHandshake): void => {
    timer[Symbol.dispose]();
    raw.off("data", count);
    socket.off("message", onMessage);
    socket.off("close", onClose);
    if (result.type === "refused") socket.terminate();
    done(result);
  };
  const take = (step: Step): void => {
    if (step.words !== undefined) socket.send(JSON.stringify(step.words));
    switch (step.type) {
      case "asked":
        read = step.answered;
        return;
      case "peer":
        return end({ type: "peer", peer: step.peer });
      case "refused":
        return end(step);
    }
  };
  const count = (data: Uint8Array): void => {
    bytes += data.length;
    if (bytes > HANDSHAKE_BYTES) end(refused("too much before it is known"));
  };
  const onMessage = (data: RawData, isBinary: boolean): void =>
    take(isBinary ? refused("no words") : read(String(data)));
  const onClose = (): void => end(refused("closed"));
  const timer = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => end(refused("too slow")));
  raw.prependListener("data", count);
  socket.on("message", onMessage);
  socket.on("close", onClose);
  take(first);
}

function readHello(text: string, deps: NodeHandshakeDeps): Step {
  const hello = read(helloSchema, text);
  if (hello === undefined) return refused("no hello");
  if (hello.node === deps.self.id) return refused("it is this node itself");
  const spoken = Math.min(hello.versions.max, NODE_VERSIONS.max);
  if (spoken < Math.max(hello.versions.min, NODE_VERSIONS.min)) return refused("no common version");
  const challenge: Challenge = { type: "challenge", ...named(deps), version: spoken };
  const answered = (answer: string): Step => {
    const proof = read(proofSchema, answer);
    if (proof === undefined || !isSameMac(proof.mac, proofOf("dialler", hello, challenge, deps))) {
      return refused("it does not know the secret");
    }
    const peer = { id: hello.node, epoch: hello.epoch, version: spoken };
    const welcome = { type: "welcome", mac: proofOf("acceptor", hello, challenge, deps) };
    return { type: "peer", peer, words: welcome };
  };
  return { type: "asked", words: challenge, answered };
}

function readWelcome(text: string, hello: Hello, challenge: Challenge, deps: NodeHandshakeDeps): Step {
  const welcome = read(welcomeSchema, text);
  if (welcome === undefined || !isSameMac(welcome.mac, proofOf("acceptor", hello, challenge, deps))) {
    return refused("it does not know the secret");
  }
  return { type: "peer", peer: { id: challenge.node, epoch: challenge.epoch, version: challenge.version } };
}

function proofOf(role: "dialler" | "acceptor", hello: Hello, challenge: Challenge, { key }: NodeHandshakeDeps): string {
  const { node, epoch: since, nonce: other, version: spoken } = challenge;
  return macOf(key, [role, spoken, hello.node, hello.epoch, hello.nonce, node, since, other]);
}

function named({ self, newNonce }: NodeHandshakeDeps): Pick<Hello, "node" | "epoch" | "nonce"> {
  return { node: self.id, epoch: self.epoch, nonce: Buffer.from(newNonce()).toString("base64url") };
}

const refused = (problem: string): NodeHandshake => ({ type: "refused", problem });

function read<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
