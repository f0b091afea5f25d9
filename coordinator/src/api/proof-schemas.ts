import { attestationSchema, receiptSchema as receiptContentSchema } from "@hearth/attestation";
import { TRUST_LEVELS, usageSchema } from "@hearth/protocol";
import { z } from "zod";

const signed = z.object({
  blob: z.string().meta({ description: "The bytes that were signed, as base64url." }),
  signature: z.string().meta({ description: "ECDSA P-256 with SHA-256 over them: r ‖ s, as base64url." }),
});
const attestation = signed.extend({
  identity_key: z.string().meta({ description: "The P-256 key that signed: an uncompressed point, as base64url." }),
});

const batched = z.object({
  blob: z.string().meta({ description: "The receipt: an entry of its batch's Merkle tree, as base64url." }),
  batch: signed.extend({
    index: z.number().int().meta({ description: "The receipt's place in the tree." }),
    proof: z.array(z.string()).meta({ description: "The hashes beside its way to the root, nearest first." }),
  }),
});
const counted = z
  .object({
    usage: usageSchema,
    reason: z.literal("more_than_possible"),
    members: z.array(z.enum(["prompt", "completion", "cached"])),
  })
  .meta({ description: "What counts, where the provider has signed for more than can be." });

/** A receipt with the attestation that vouches for its key. */
export const receiptSchema = z.object({
  object: z.literal("receipt"),
  request_id: z.string(),
  provider_id: z.string(),
  created_at: z.number().int(),
  receipt: z.union([
    batched.extend({ content: receiptContentSchema.nullable() }),
    signed.extend({ content: receiptContentSchema.nullable() }),
  ]),
  counted: counted.nullable(),
  cost_micro_usd: z
    .int()
    .min(0)
    .optional()
    .meta({ description: "What the answer has cost, by the coordinator's books. Absent: nothing had a price." }),
  attestation: attestation.extend({ content: attestationSchema.nullable() }),
});

/** What connected machines have proved. */
export const attestationListSchema = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      object: z.literal("provider.attestation"),
      provider_id: z.string(),
      trust_level: z.enum(TRUST_LEVELS),
      agent_version: z.string(),
      chip: z.string().nullable(),
      encryption_key: z.object({ key_id: z.string(), public_key: z.string() }),
      models: z.array(
        z.object({
          id: z.string(),
          weights_hash: z.string().nullable(),
          template_hash: z.string().nullable(),
          runtime_verified: z.boolean(),
        }),
      ),
      attestation: attestation.nullable(),
      challenge: signed.extend({ challenge: z.string(), encryption_key: z.string() }).nullable(),
      serial_hash: z.string().nullable(),
      fresh_for_ms: z.number().nullable(),
    }),
  ),
});
