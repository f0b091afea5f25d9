import { expect, it } from "vitest";
import { ApiError } from "./errors.js";

const answer = (status: number, body: string, headers = {}): Promise<ApiError> =>
  ApiError.of(new Response(body, { status, headers }));

it("tells what an answer means, with the coordinator's own words", async () => {
  const body = JSON.stringify({ error: { message: "No such model.", code: "model_not_found", param: "model" } });
  const error = await answer(404, body, { "X-Request-Id": "req-1" });
  expect(error).toMatchObject({ kind: "missing", message: "No such model." });
  expect(error.facts).toMatchObject({ status: 404, code: "model_not_found", param: "model", requestId: "req-1" });
});

it("knows a kind for every status, and needs no body in our form", async () => {
  const kinds = await Promise.all([400, 401, 402, 403, 405, 429, 500, 503].map((status) => answer(status, "<html>")));
  expect(kinds.map(({ kind }) => kind)).toEqual([
    ...["refused", "signed_out", "no_money", "forbidden", "missing", "busy", "failed", "busy"],
  ]);
  expect((await answer(429, "", { "Retry-After": "7" })).facts.retryAfterSeconds).toBe(7);
});

it("takes what fetch throws for a coordinator that does not answer", () => {
  expect(ApiError.from(new TypeError("Failed to fetch")).kind).toBe("unreachable");
  expect(ApiError.from("x")).toMatchObject({ kind: "failed", message: "x" });
});
