import { z } from "zod";
import { keySchema } from "../http/accounts/key-forms.js";

const concurrency = z
  .int()
  .min(1)
  .max(1e6)
  .nullable()
  .meta({ description: "Requests of all of its keys at once; `null` = no limit." });
const name = z.string().max(128);
const budget = z.enum(["own", "shared"]).meta({ description: "`shared`: the account above pays." });

export const orderSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must be of letters, digits, '.', '_' and '-', 64 at most")
    .optional(),
  name: name.default(""),
  parent: z.string().min(1).max(128).optional().meta({ description: "The account that it is a team of." }),
  budget: budget.default("own"),
  concurrency: concurrency.default(null),
});

export const changesSchema = z
  .strictObject({ name, budget, concurrency, status: z.enum(["active", "suspended"]) })
  .partial();

/** An account as the operator sees it. */
export const accountSchema = z.object({
  id: z.string(),
  object: z.literal("account"),
  name: z.string(),
  parent: z.string().nullable(),
  budget,
  concurrency,
  status: z.enum(["active", "suspended"]),
  created_at: z.int().meta({ description: "Seconds since 1970." }),
  suspended_at: z.int().nullable(),
});

const digestPrefix = z.string().meta({ description: "How its `sha256` in the file begins." });

/** What has become of the keys of the configuration file. */
export const adoptionSchema = z.object({
  object: z.literal("key.adoption"),
  accounts_created: z.array(z.string()),
  keys: z.array(
    z.object({
      sha256_prefix: digestPrefix,
      account: z.string().meta({ description: "As the file says." }),
      status: z.enum(["adopted", "present", "ended", "other_account"]).meta({
        description:
          "`adopted`: now; `present`: before. `ended`: it is there, and revoked or expired. `other_account`: it is there for another account than the file says.",
      }),
      key: keySchema,
    }),
  ),
  provider_tokens: z
    .array(z.object({ sha256_prefix: digestPrefix, account: z.string() }))
    .meta({ description: "They stay in the file: any machine may use them." }),
});
