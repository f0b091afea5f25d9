import type { Hono } from "hono";
import { z } from "zod";
import type { SignIn } from "../accounts/sign-in.js";
import { named } from "../api/named-schemas.js";
import { secretOf } from "../http/authenticate.js";
import { described, type Operation } from "../http/openapi/operation.js";
import type { HttpEnv } from "../http/routing.js";
import { secretDigest } from "../platform/secret-digest.js";

/** The answer to who has made one. */
export const signInLinkSchema = z.object({
  object: z.literal("sign_in_link"),
  link: z.string().meta({ description: "Opens one session of the web page, once." }),
  path: z.string().meta({ description: "Where the page takes it up, below the coordinator's address." }),
  expires_at: z.int().meta({ description: "Unix time, seconds." }),
});

const MAKE_LINK: Operation = {
  id: "createSignInLink",
  audience: "Operator",
  summary: "Make a link that signs its reader in to the web page once, with what the key that asks for it may do",
  answer: named("SignInLink", signInLinkSchema),
  status: 201,
};

/** Lets whoever has a key open the web page without entering it there. */
export function signInLinkRoute(admin: Hono<HttpEnv>, { signIn }: { readonly signIn: SignIn }): void {
  admin.post(
    "/sign-in-links",
    described(MAKE_LINK, (c) => {
      const secret = secretOf(c.env.incoming.headers) ?? "";
      const { id, expiresAtMs } = signIn.link(signIn.find(secret) ?? { type: "key", digest: secretDigest(secret) });
      const answer: z.infer<typeof signInLinkSchema> = {
        object: "sign_in_link",
        link: id,
        // Behind the #, so that it is in no log on the way, and in no Referer.
        path: `/dashboard/#link=${id}`,
        expires_at: Math.floor(expiresAtMs / 1000),
      };
      c.header("Cache-Control", "no-store");
      return c.json(answer, 201);
    }),
  );
}
