import { beforeEach, describe, expect, it } from "vitest";
import { createSealedFetch } from "./sealed-fetch.js";
import { FakeCoordinator } from "./testing/fake-coordinator.js";

const BODY = '{"prompt":"a canary that must not be seen"}';

let coordinator: FakeCoordinator;
beforeEach(() => {
  coordinator = new FakeCoordinator('{"answer":"yes"}');
});

function sealedFetch(baseUrl: string): typeof fetch {
  return createSealedFetch({ baseUrl, fetch: coordinator.fetch });
}

const post = (more: RequestInit = {}): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: "Bearer k" },
  body: BODY,
  ...more,
});

it.each([
  ["https://hearth.test", "https://hearth.test/v1/responses"],
  ["https://hearth.test/v1", "https://hearth.test/v1/responses"],
  ["https://hearth.test/v1/", "https://hearth.test/v1/responses?beta=true"],
  ["https://proxy.test/hearth/v1", "https://proxy.test/hearth/v1/responses"],
])("with %s as its base seals what goes to %s", async (baseUrl, url) => {
  const response = await sealedFetch(baseUrl)(url, post());
  expect(await response.json()).toEqual({ answer: "yes" });
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(coordinator.bodies).toEqual([BODY]);
  expect(coordinator.received.map(({ text }) => text).join()).not.toContain("canary");
});

it("keeps the headers of a request, but for those of its body", async () => {
  await sealedFetch("https://hearth.test")("https://hearth.test/v1/messages", post());
  const { headers } = coordinator.received[1]!;
  expect(headers.get("authorization")).toBe("Bearer k");
  expect(headers.get("content-type")).toBe("application/hearth-sealed+json");
});

it.each<[string, Parameters<typeof fetch>[0], RequestInit]>([
  ["a URL", new URL("https://hearth.test/v1/embeddings"), post()],
  ["bytes", "https://hearth.test/v1/embeddings", post({ body: new TextEncoder().encode(BODY) })],
  ["a Request", new Request("https://hearth.test/v1/embeddings", post()), {}],
])("takes %s as fetch does", async (_what, input, init) => {
  await sealedFetch("https://hearth.test")(input, init);
  expect(coordinator.bodies).toEqual([BODY]);
});

it("hands on what only the fetch below knows", async () => {
  const dispatcher = {};
  const seen: unknown[] = [];
  const carry: typeof fetch = (input, init) => {
    if (init?.method === "POST") seen.push((init as { dispatcher?: unknown }).dispatcher);
    const { dispatcher: _, ...known } = { dispatcher: undefined, ...init };
    return coordinator.fetch(input, known);
  };
  const carried = createSealedFetch({ baseUrl: "https://hearth.test", fetch: carry });
  await carried("https://hearth.test/v1/messages", { ...post(), dispatcher } as RequestInit);
  expect(seen).toEqual([dispatcher]);
});

it("hides the length of a request, unless it is told not to", async () => {
  const lengths = async (padding: "buckets" | "none", body: string): Promise<number> => {
    const padded = createSealedFetch({ baseUrl: "https://hearth.test", fetch: coordinator.fetch, padding });
    await padded("https://hearth.test/v1/messages", post({ body }));
    return coordinator.received.at(-1)!.text.length;
  };
  expect(await lengths("buckets", "{}")).toBe(await lengths("buckets", '{"a":1}'));
  expect(await lengths("none", "{}")).toBeLessThan(await lengths("none", '{"a":1}'));
});

it("sends in the open what has no body", async () => {
  const response = await sealedFetch("https://hearth.test")("https://hearth.test/v1/models");
  expect(await response.json()).toEqual({ open: true });
});

describe("is refused, and nothing is sent:", () => {
  const compressed = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  it.each<[string, string, string, RequestInit]>([
    ["another route", "unsealable_request", "https://hearth.test/v1/messages/count_tokens", post()],
    ["another method", "unsealable_request", "https://hearth.test/v1/responses", post({ method: "PUT" })],
    ["a form", "unsealable_request", "https://hearth.test/v1/responses", post({ headers: {} })],
    ["a compressed body", "unsealable_request", "https://hearth.test/v1/responses", post({ headers: compressed })],
    ["another host", "foreign_url", "https://elsewhere.test/v1/responses", post()],
    ["another scheme", "foreign_url", "http://hearth.test/v1/responses", post()],
    ["another port, without a body", "foreign_url", "https://hearth.test:8443/v1/models", {}],
  ])("%s", async (_what, code, url, init) => {
    await expect(sealedFetch("https://hearth.test")(url, init)).rejects.toMatchObject({
      name: "SealedTransportError",
      code,
    });
    expect(coordinator.received).toEqual([]);
  });

  it("what is outside the path of the coordinator", async () => {
    const refused = sealedFetch("https://proxy.test/hearth/v1")("https://proxy.test/v1/responses", post());
    await expect(refused).rejects.toMatchObject({ code: "foreign_url" });
    expect(coordinator.received).toEqual([]);
  });
});

it("ends with the caller's own reason when it is aborted, before and while the key is fetched", async () => {
  const reason = new Error("enough");
  const aborted = sealedFetch("https://hearth.test")(
    "https://hearth.test/v1/responses",
    post({ signal: AbortSignal.abort(reason) }),
  );
  await expect(aborted).rejects.toBe(reason);
  const controller = new AbortController();
  const carry: typeof fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      controller.abort(reason);
    });
  const hanging = createSealedFetch({ baseUrl: "https://hearth.test", fetch: carry });
  await expect(hanging("https://hearth.test/v1/responses", post({ signal: controller.signal }))).rejects.toBe(reason);
});

it("does not take a stream without a body for an empty one", async () => {
  const headers = { "Content-Type": "text/event-stream" };
  const carry: typeof fetch = (input, init) =>
    init?.method === "POST" ? Promise.resolve(new Response(null, { headers })) : coordinator.fetch(input, init);
  const emptied = createSealedFetch({ baseUrl: "https://hearth.test", fetch: carry });
  await expect(emptied("https://hearth.test/v1/responses", post())).rejects.toMatchObject({ code: "truncated_answer" });
});

it("refuses a public key that is none when it is made", () => {
  const make = () => createSealedFetch({ baseUrl: "https://hearth.test", publicKey: "AAAA" });
  expect(make).toThrow(expect.objectContaining({ code: "key_unavailable" }));
});
