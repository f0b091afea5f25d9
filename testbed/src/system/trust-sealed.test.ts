import { createSealedFetch, SealedTransportError } from "@hearth/client";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Attacks of a proxy that ends TLS on a consumer who seals.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth.stop());

/** A proxy that puts text of its own before and between the events of every stream. */
function inserting(text: string): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (response.body === null || !response.headers.get("content-type")?.startsWith("text/event-stream")) {
      return response;
    }
    const forged = (await response.text()).replace(/^(?=data: )/gm, () => text);
    return new Response(forged, { status: response.status, headers: response.headers });
  };
}

const FORGED = `data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"forged"}}]}`;

describe("what a proxy puts between the sealed events of a stream", () => {
  it.each([
    ["as a comment", `: ${FORGED}\n\n`, "read"],
    ["as a receipt", ': hearth-receipt {"blob":"forged","signature":"AA"}\n\n', "read"],
    ["behind a carriage return, which ends a line of an event stream as well", `: x\r${FORGED}\n\n`, "refused"],
    ["behind two of them", `: x\r\r${FORGED}\r\r: y\n\n`, "refused"],
  ])("%s never reaches whoever reads the answer", async (_what, inserted, outcome) => {
    await hearth.provider((stream) => stream.answer("genuine ", "words"));
    const baseUrl = `${hearth.url}/v1`;
    const sealed = createSealedFetch({ baseUrl, fetch: inserting(inserted) });
    const client = new OpenAI({ apiKey: API_KEY, baseURL: baseUrl, maxRetries: 0, fetch: sealed });
    const request = { model: "m", messages: [{ role: "user" as const, content: "Hi" }], stream: true as const };
    let said = "";
    const read = async (): Promise<void> => {
      for await (const chunk of await client.chat.completions.create(request)) {
        said += chunk.choices[0]?.delta.content ?? "";
      }
    };
    const ended = await read().then(
      () => "read",
      (error: unknown) => (error instanceof SealedTransportError ? "refused" : error),
    );
    expect([ended, said]).toEqual([outcome, outcome === "read" ? "genuine words" : ""]);
    const raw = await sealed(`${baseUrl}/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify(request),
    });
    const text = await raw.text().catch((error: unknown) => String(error));
    expect(text).not.toContain("forged");
  });
});
