import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Flame } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { ApiError } from "../api/errors.js";
import { SESSION_PATH } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { Session } from "../api/types.js";
import { TextField } from "../components/fields.js";
import { Spinner } from "../components/states.js";
import { durationText } from "../format/times.js";
import { IdentityProvider } from "./identity-provider.js";

/** A one-time link has its secret behind the `#`, which browsers send to nobody. */
const LINK = /^#link=(.+)$/;

type Proof = { readonly key: string } | { readonly link: string };

/** Signing in by a key, or by a one-time link that the address brought. */
export function SignIn(): ReactNode {
  const [key, setKey] = useState("");
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: (body: Proof) => ask<Session>(SESSION_PATH, { method: "POST", body }),
    onSuccess: (session) => client.setQueryData([SESSION_PATH], session),
  });
  const { mutate } = signIn;
  const tried = useRef(false);
  useEffect(() => {
    const link = LINK.exec(location.hash)?.[1];
    if (link === undefined || tried.current) return;
    tried.current = true;
    // It is of no use a second time, and has no business in the history.
    history.replaceState(null, "", location.pathname);
    mutate({ link: decodeURIComponent(link) });
  }, [mutate]);
  useEffect(() => {
    document.title = "Sign in · Hearth";
  }, []);
  return (
    <main className="sign-in">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          mutate({ key: key.trim() });
        }}
      >
        <p className="brand">
          <Flame aria-hidden="true" /> Hearth
        </p>
        <h1>Sign in</h1>
        <IdentityProvider />
        <p className="muted">
          With an API key of yours, or with the admin key. It is sent once, and this page does not keep it.
        </p>
        <TextField label="Key" type="password" value={key} onChange={setKey} required autoComplete="off" autoFocus />
        {signIn.error === null ? null : (
          <p className="form-error" role="alert">
            {refusalOf(ApiError.from(signIn.error))}
          </p>
        )}
        <button type="submit" className="button button-main" disabled={signIn.isPending}>
          {signIn.isPending ? <Spinner /> : null} Sign in
        </button>
        <p className="hint">
          On the coordinator's machine, <code>hearth-coordinator admin sign-in-link</code> makes a link that signs in
          once.
        </p>
      </form>
    </main>
  );
}

function refusalOf({ kind, message, facts }: ApiError): string {
  if (kind === "signed_out")
    return "That key or link is not good here. Look whether it is whole, and not revoked or used before.";
  if (kind === "missing") return "This coordinator has no sign-in for this page.";
  if (kind === "busy" && facts.status === 429) {
    const wait = facts.retryAfterSeconds === undefined ? "a while" : durationText(facts.retryAfterSeconds * 1_000);
    return `Too many tries. Try again in ${wait}.`;
  }
  return message;
}
