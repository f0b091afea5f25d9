import { ApiError } from "./errors.js";

/** Without this header a session's cookie counts for nothing: another site cannot make a browser send it. */
const OWN_REQUEST = { "X-Requested-With": "hearth-dashboard" };

export interface Asked {
  readonly method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Asks the coordinator that serves this page. @throws ApiError for anything but a success */
export async function send(path: string, { method = "GET", body, headers, signal }: Asked = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { ...OWN_REQUEST, ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    throw ApiError.from(thrown);
  }
  if (!response.ok) throw await ApiError.of(response);
  return response;
}

/** The same for an answer in JSON. */
export async function ask<T>(path: string, asked?: Asked): Promise<T> {
  const response = await send(path, asked);
  if (response.status === 204) return undefined as T;
  const type = response.headers.get("Content-Type") ?? "";
  // A route that is not there may be answered with the page itself.
  if (!type.includes("json")) throw new ApiError("missing", "There is no such route here.", { status: 404 });
  return (await response.json()) as T;
}

/** A path with those parameters that have a value. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
