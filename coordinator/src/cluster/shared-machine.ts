import { createHash } from "node:crypto";
import { attestationSchema, BatchVerifier, postureAnswerSchema, readBlob, verifierOf } from "@hearth/attestation";
import {
  hardwareSchema,
  heartbeatSchema,
  modelSchema,
  signedBlobSchema,
  slotSchema,
  TRUST_LEVELS,
} from "@hearth/protocol";
import { z } from "zod";
import type { Proven, ProviderLink } from "../fleet/provider-link.js";
import { isSameMac, macOf } from "./cluster-keys.js";

const count = z.int().nonnegative();

/** What a machine has proved, as it was signed. */
const proofSchema = z.object({
  attestation: signedBlobSchema,
  identity_key: z.string().max(256),
  challenge: z.string().max(256),
  encryption_key: z.string().max(256),
  answer: signedBlobSchema,
});

/** Of a machine, what seldom changes. */
const factsSchema = z.object({
  name: z.string().optional(),
  account: z.string(),
  agent_version: z.string(),
  hardware: hardwareSchema,
  trust: z.enum(TRUST_LEVELS),
  serial_hash: z.string(),
  key: z.object({ id: z.string(), public_key: z.string() }),
  models: z.array(modelSchema),
  proof: proofSchema.optional(),
});

const { memory_free_bytes, memory_pressure, cpu_load, gpu_load, thermal } = heartbeatSchema.shape;

/** What changes all the time. */
const stateSchema = z.object({
  /** Counts up within a connection. */
  version: count,
  status: z.enum(["serving", "draining", "offline"]),
  available_to: z.enum(["everyone", "owner", "nobody"]),
  untrusted: z.boolean(),
  /** Until when its proof counts, ms since 1970; `null` = it does not age. */
  fresh_until: z.number().nullable(),
  backlog_bytes: count,
  vitals: z.object({ memory_free_bytes, memory_pressure, cpu_load, gpu_load, thermal }),
  slots: z.array(slotSchema),
  /** Models whose program, template or weights are not on the operator's list. */
  unverified: z.array(z.string()),
  /** By model: requests that run, tokens ahead, tokens that no heartbeat has counted. What is idle is left out. */
  load: z.record(z.string(), z.tuple([count, z.number(), z.number()])),
  /** By node and model: those of them that are other nodes'. */
  held: z.record(z.string(), z.record(z.string(), count)),
});

/** A machine as one node tells the others of it. */
export type SharedFacts = z.infer<typeof factsSchema>;
export type SharedState = z.infer<typeof stateSchema>;

export function factsOf(link: ProviderLink): SharedFacts {
  const { proven } = link;
  return {
    ...(link.name === undefined ? {} : { name: link.name }),
    account: link.account,
    agent_version: link.agentVersion,
    hardware: link.hardware,
    trust: link.trust,
    serial_hash: link.serialHash,
    key: { id: link.encryptionKey.keyId, public_key: base64url(link.encryptionKey.publicKey.bytes) },
    models: [...link.models.values()],
    ...(proven === undefined ? {} : { proof: proofOf(proven) }),
  };
}

/** @param held of its slots, by node and model, those of other nodes */
export function stateOf(
  link: ProviderLink,
  { version, held, wallAheadMs }: Pick<SharedState, "version" | "held"> & { readonly wallAheadMs: number },
): SharedState {
  const models = [...link.models.keys()];
  const load: SharedState["load"] = {};
  for (const model of models) {
    const figures = [link.load(model), link.tokensAhead(model), link.unreportedTokens(model)] as const;
    if (figures.some((figure) => figure > 0)) load[model] = [...figures];
  }
  return {
    ...{ version, held, load },
    status: link.status,
    available_to: link.availableTo,
    untrusted: link.untrusted,
    fresh_until: Number.isFinite(link.freshUntil) ? link.freshUntil + wallAheadMs : null,
    backlog_bytes: link.backlogBytes,
    vitals: link.vitals,
    slots: [...link.slots.values()],
    unverified: models.filter((model) => link.runtimeUnverified(model)),
  };
}

function proofOf({ proof, passed }: Proven): z.infer<typeof proofSchema> {
  return {
    attestation: signedText(proof.signed),
    identity_key: base64url(proof.verifier.publicKey),
    challenge: passed.challenge,
    encryption_key: passed.encryptionKey,
    answer: signedText(passed.signed),
  };
}

/**
 * What a machine has proved to the node that it is connected to, for this one to hand out and to check receipts by.
 * That node has verified it; here it is read again.
 *
 * @returns `undefined` where it cannot be read
 */
export function provenOf(proof: SharedFacts["proof"], freshUntil: () => number): Proven | undefined {
  if (proof === undefined) return undefined;
  const [signed, answer] = [bytesOfSigned(proof.attestation), bytesOfSigned(proof.answer)];
  const content = readBlob(attestationSchema, signed.blob);
  const posture = readBlob(postureAnswerSchema, answer.blob);
  const verifier = verifierOf(bytesOf(proof.identity_key));
  if (content === undefined || posture === undefined || verifier === undefined) return undefined;
  const hash = createHash("sha256").update(signed.blob).digest("hex");
  return {
    batches: new BatchVerifier(verifier),
    proof: { verifier, content, signed, hash, deviceUntilMs: undefined },
    passed: { challenge: proof.challenge, encryptionKey: proof.encryption_key, signed: answer, content: posture },
    get freshUntil() {
      return freshUntil();
    },
  };
}

/** Which machine and connection something is about, and which node says it. */
export interface SharedBy {
  readonly node: string;
  readonly provider: string;
  readonly epoch: number;
}

const TAG_LENGTH = 43;

/** Marks what is said of a machine, so that readers can tell who has said it. */
export function seal(key: Uint8Array, what: "facts" | "state", by: SharedBy, said: SharedFacts | SharedState): string {
  const text = JSON.stringify(said);
  return tagOf(key, what, by, text) + text;
}

/** @returns `undefined` for what no node of this fleet has said of that machine, or what cannot be read */
export function readFacts(key: Uint8Array, by: SharedBy, sealed: string): SharedFacts | undefined {
  return open(factsSchema, opened(key, "facts", by, sealed));
}

/** As `readFacts`. */
export function readState(key: Uint8Array, by: SharedBy, sealed: string): SharedState | undefined {
  return open(stateSchema, opened(key, "state", by, sealed));
}

function opened(key: Uint8Array, what: "facts" | "state", by: SharedBy, sealed: string): string | undefined {
  const text = sealed.slice(TAG_LENGTH);
  return isSameMac(sealed.slice(0, TAG_LENGTH), tagOf(key, what, by, text)) ? text : undefined;
}

function tagOf(key: Uint8Array, what: "facts" | "state", { node, provider, epoch }: SharedBy, text: string): string {
  return macOf(key, [what, node, provider, epoch, text]);
}

function open<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

type Signed = { readonly blob: Uint8Array; readonly signature: Uint8Array };

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64url"));
const signedText = ({ blob, signature }: Signed): z.infer<typeof signedBlobSchema> => ({
  blob: base64url(blob),
  signature: base64url(signature),
});
const bytesOfSigned = ({ blob, signature }: z.infer<typeof signedBlobSchema>): Signed => ({
  blob: bytesOf(blob),
  signature: bytesOf(signature),
});
