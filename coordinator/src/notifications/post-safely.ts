import { lookup as resolve } from "node:dns";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./public-address.js";

export interface SafePost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Any address, and HTTP as well. */
  readonly isPrivateAllowed: boolean;
}

/** `undefined` = it was taken; else why not. */
export type PostFailure =
  | "address_not_allowed"
  | "no_such_host"
  | "no_connection"
  | "no_answer"
  | "bad_certificate"
  | `status_${number}`;

class NotAllowed extends Error {}

/**
 * Posts to an address that a stranger has named: never to this machine or its network, whatever a name stands for when
 * it is looked up, and no further than to there. Of the answer only the status is read. Never rejects.
 *
 * @param signal ends it
 */
export function postSafely(post: SafePost, signal: AbortSignal): Promise<PostFailure | undefined> {
  const url = new URL(post.url);
  if (!post.isPrivateAllowed && !mayBeAsked(url)) return Promise.resolve("address_not_allowed");
  const { headers, body, isPrivateAllowed } = post;
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((done) => {
    const request = send(url, {
      method: "POST",
      headers: { ...headers, "Content-Length": Buffer.byteLength(body) },
      // A connection of its own: one that is kept was looked up before.
      agent: false,
      signal,
      ...(isPrivateAllowed ? {} : { lookup: publicOnly }),
    });
    request.once("response", (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      done(statusCode >= 200 && statusCode < 300 ? undefined : `status_${statusCode}`);
    });
    request.on("error", (error) => done(signal.aborted ? "no_answer" : failureOf(error)));
    request.end(body);
  });
}

/** Names are looked at once it is known what they stand for; an address is never looked up. */
function mayBeAsked({ protocol, hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return protocol === "https:" && (isIP(host) === 0 || isPublicAddress(host));
}

const publicOnly: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, found) => {
    const [first] = found ?? [];
    if (error !== null || first === undefined) callback(error ?? new Error("no address"), []);
    // One of several would do for somebody who has them take turns.
    else if (!found.every(({ address }) => isPublicAddress(address))) callback(new NotAllowed(), []);
    else if (options.all) callback(null, found);
    else callback(null, first.address, first.family);
  });
};

function failureOf(error: Error & { readonly code?: string }): PostFailure {
  if (error instanceof NotAllowed) return "address_not_allowed";
  const { code = "" } = error;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "no_such_host";
  return /CERT|SELF_SIGNED|VERIFY|^ERR_TLS/.test(code) ? "bad_certificate" : "no_connection";
}
