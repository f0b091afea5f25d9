import { generateKeyPair, openRequest } from "@hearth/e2e";
import { decodeBase64url, encodeBase64url } from "../base64url.js";

/** A request as it came to the fake coordinator, and what was in it where that could be opened. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly text: string;
  readonly opened: string | undefined;
}

/** Announces a key, opens what is sealed to it and answers with text; nothing is sent over a network. */
export class FakeCoordinator {
  readonly received: ReceivedRequest[] = [];
  readonly #keyPair = generateKeyPair();
  readonly #answer: string;

  constructor(answer: string) {
    this.#answer = answer;
  }

  get bodies(): (string | undefined)[] {
    return this.received.flatMap(({ method, opened }) => (method === "POST" ? [opened] : []));
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    request.signal.throwIfAborted();
    const path = new URL(request.url).pathname;
    const text = await request.text();
    const sealed = request.headers.get("content-type") === "application/hearth-sealed+json";
    const opener = sealed ? this.#open(path, text) : undefined;
    this.received.push({ method: request.method, path, headers: request.headers, text, opened: opener?.body });
    if (path.endsWith("/v1/encryption-key")) return Response.json(this.#key());
    if (opener === undefined) return Response.json({ open: true });
    const head = new TextEncoder().encode(JSON.stringify({ status: 200, content_type: "application/json" }));
    const chunks = [opener.seal(head, false), opener.seal(new TextEncoder().encode(this.#answer), true)];
    return new Response(JSON.stringify({ v: 1, chunks: chunks.map(encodeBase64url) }), {
      headers: { "Content-Type": "application/hearth-sealed+json" },
    });
  };

  #key(): object {
    const { keyId, publicKey } = this.#keyPair;
    return { format: "hearth-sealed/1", key_id: keyId, public_key: encodeBase64url(publicKey) };
  }

  #open(path: string, text: string) {
    const { encapsulated_key, id, chunks } = JSON.parse(text) as Record<"encapsulated_key" | "id", string> & {
      chunks: string[];
    };
    const bytes = (encoded: string): Uint8Array => decodeBase64url(encoded) ?? new Uint8Array(0);
    const opener = openRequest({
      keyPair: this.#keyPair,
      encapsulatedKey: bytes(encapsulated_key),
      binding: { requestId: id, attemptId: `POST ${path.slice(path.indexOf("/v1/"))}` },
    });
    const parts = chunks.map((chunk, seq) => opener.open(bytes(chunk), seq, seq === chunks.length - 1));
    const body = parts.map((part) => new TextDecoder().decode(part)).join("");
    return { body, seal: (plaintext: Uint8Array, final: boolean) => opener.response.seal(plaintext, final) };
  }
}
