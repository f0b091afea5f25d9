import { useQuery } from "@tanstack/react-query";
import { LogIn } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { ask } from "../api/request.js";
import type { SignInMethods } from "../api/types.js";

const METHODS_PATH = "/dashboard/sign-in-methods";

/** Why somebody came back from the identity provider and is not signed in. */
const REFUSED = /^#sign-in=([a-z_]{1,32})$/;

const WORDS: Readonly<Record<string, string>> = {
  no_role: "You are signed in there, but have no role here: ask whoever runs this coordinator for one.",
  denied: "You were not signed in there. Try again when you like.",
  expired: "That took too long, or was begun in another browser. Try again.",
  unreachable: "The identity provider does not answer. Try again in a moment, or sign in with a key.",
  busy: "Too many tries from here. Try again in a while.",
};
const OTHERWISE = "What came back from the identity provider was not right, so nobody was signed in. Try again.";

/** The way in by an identity provider, where there is one, and what became of the last try. */
export function IdentityProvider(): ReactNode {
  const refusal = useRefusal();
  const methods = useQuery({
    queryKey: [METHODS_PATH],
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => ask<SignInMethods>(METHODS_PATH, { signal }),
  });
  const provider = methods.data?.oidc;
  if (provider == null && refusal === undefined) return null;
  return (
    <>
      {refusal === undefined ? null : (
        <p className="form-error" role="alert">
          {refusal}
        </p>
      )}
      {provider == null ? null : (
        <>
          <a className="button button-main" href={provider.path}>
            <LogIn aria-hidden="true" /> Sign in with {provider.name}
          </a>
          <p className="or">or</p>
        </>
      )}
    </>
  );
}

function useRefusal(): string | undefined {
  const [code] = useState(() => REFUSED.exec(location.hash)?.[1]);
  useEffect(() => {
    // Whoever reloads the page has not come back once more.
    if (code !== undefined) history.replaceState(null, "", location.pathname);
  }, [code]);
  return code === undefined ? undefined : (WORDS[code] ?? OTHERWISE);
}
