import { type ResponseOpener, sealRequest } from "@hearth/e2e";
import { API_KEY } from "../scripted/test-coordinator.js";

/** A sealed body as it travels. */
export interface Envelope {
  readonly v: number;
  readonly key_id: string;
  readonly encapsulated_key: string;
  readonly id: string;
  readonly chunks: readonly string[];
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** Seals a body by the words of the specification, without the client library. */
export async function sealByHand(
  url: string,
  body: string,
  path = "/v1/chat/completions",
): Promise<{ readonly envelope: Envelope; readonly answer: ResponseOpener }> {
  const key = (await (await fetch(`${url}/v1/encryption-key`)).json()) as { key_id: string; public_key: string };
  const id = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const publicKey = Buffer.from(key.public_key, "base64url");
  const sealer = sealRequest({ publicKey, binding: { requestId: id, attemptId: `POST ${path}` } });
  // In two chunks, so that their order can be changed.
  const bytes = Buffer.from(body);
  const chunks = [
    base64url(sealer.seal(bytes.subarray(0, 10), false)),
    base64url(sealer.seal(bytes.subarray(10), true)),
  ];
  const encapsulated_key = base64url(sealer.encapsulatedKey);
  return { envelope: { v: 1, key_id: key.key_id, encapsulated_key, id, chunks }, answer: sealer.response };
}

/** Posts what is to be taken for a sealed body. */
export function postSealed(url: string, envelope: unknown, path = "/v1/chat/completions"): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/hearth-sealed+json" },
    body: typeof envelope === "string" ? envelope : JSON.stringify(envelope),
  });
}
