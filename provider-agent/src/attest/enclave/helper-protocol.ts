import { z } from "zod";

/** The version of `provider-agent/enclave/PROTOCOL.md` that this is. */
export const ENCLAVE_PROTOCOL_VERSION = 1;
/** Bytes of a line at most, either way, without its line feed. */
export const MAX_LINE_BYTES = 64 * 1024;
/** Bytes of a message to be signed at most. */
export const MAX_MESSAGE_BYTES = 16 * 1024;
/** Certificates at most, and base64 characters of each: as many as a verifier takes. */
const MAX_CERTIFICATES = 5;
const MAX_CERTIFICATE_TEXT = 5464;

const base64 = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/);
const known = z.boolean().nullable();

/** The helper's own error codes: see `provider-agent/enclave/PROTOCOL.md`. */
const REFUSALS = ["bad_request", "no_enclave", "key_unavailable", "too_large", "internal"] as const;

/** What every line of the helper is, before it is known what was asked. */
export const envelopeSchema: z.ZodType<Envelope> = z.discriminatedUnion("ok", [
  z.looseObject({ id: z.number().int(), ok: z.literal(true) }),
  z.object({ id: z.number().int(), ok: z.literal(false), error: z.enum(REFUSALS) }),
]);
export type Envelope =
  | { readonly id: number; readonly ok: true; readonly [field: string]: unknown }
  | { readonly id: number; readonly ok: false; readonly error: (typeof REFUSALS)[number] };

export interface EnclavePosture {
  readonly sip: boolean | null;
  readonly secure_boot: boolean | null;
  readonly filevault: boolean | null;
  readonly hypervisor: boolean | null;
  readonly os_version: string;
  readonly chip: string | null;
  readonly serial: string | null;
}

/** What a question is answered with. */
export interface Answers {
  readonly hello: { readonly version: number };
  readonly key: { readonly public_key: string };
  readonly sign: { readonly signature: string };
  readonly posture: EnclavePosture;
  readonly attestation: { readonly certificates: readonly string[] };
}

export const answerSchemas: { readonly [Op in keyof Answers]: z.ZodType<Answers[Op]> } = {
  hello: z.object({ version: z.number().int() }),
  key: z.object({ public_key: base64(88) }),
  sign: z.object({ signature: base64(96) }),
  posture: z.object({
    sip: known,
    secure_boot: known,
    filevault: known,
    hypervisor: known,
    os_version: z.string().min(1).max(256),
    chip: z.string().max(256).nullable(),
    serial: z.string().max(64).nullable(),
  }),
  attestation: z.object({ certificates: z.array(base64(MAX_CERTIFICATE_TEXT)).max(MAX_CERTIFICATES) }),
};

/** One question; the helper keeps nothing between two of them. */
export type Question =
  | { readonly op: "hello"; readonly version: number }
  | { readonly op: "key"; readonly name: string }
  | { readonly op: "sign"; readonly name: string; readonly message: string }
  | { readonly op: "posture" }
  | { readonly op: "attestation" };
