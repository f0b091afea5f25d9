import type { Hono } from "hono";
import type { z } from "zod";
import { type Adoption, adoptConfigured, type Configured } from "../accounts/adoption.js";
import { digestOfKey, shortDigest } from "../accounts/fixed-keys.js";
import { named } from "../api/named-schemas.js";
import { describeKey } from "../http/accounts/key-forms.js";
import type { KeyDeps } from "../http/accounts/key-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import type { HttpEnv } from "../http/routing.js";
import { adoptionSchema } from "./account-forms.js";

export interface AdoptionDeps extends KeyDeps {
  /** Whom the configuration file names, as it was last read. */
  readonly configured: () => Configured;
}

const ADOPT: Operation = {
  id: "adoptConfiguredKeys",
  audience: "Operator",
  summary: "Take the API keys of the configuration file over into accounts",
  description:
    "By their digests: the secrets stay the same. As long as the file has a key, what the file says of it counts. May be done again without harm.",
  answer: named("KeyAdoption", adoptionSchema),
};

/** The coordinator takes over what it goes by itself: no digest travels, and nobody has to hold two files together. */
export function adoptionRoute(admin: Hono<HttpEnv>, { accounts, clock, configured }: AdoptionDeps): void {
  admin.post(
    "/keys/adopt",
    described(ADOPT, async (c) => {
      const named = configured();
      const nowMs = clock.wallTime();
      return c.json(describe(await adoptConfigured(accounts, named, nowMs), named, nowMs));
    }),
  );
}

function describe({ made, keys }: Adoption, { tokens }: Configured, nowMs: number): z.infer<typeof adoptionSchema> {
  return {
    object: "key.adoption",
    accounts_created: [...made],
    keys: keys.map(({ digest, account, status, key }) => ({
      ...{ sha256_prefix: shortDigest(digest), account, status },
      key: describeKey(key, nowMs),
    })),
    provider_tokens: tokens.map((token) => ({
      sha256_prefix: shortDigest(digestOfKey(token)),
      account: token.account,
    })),
  };
}
