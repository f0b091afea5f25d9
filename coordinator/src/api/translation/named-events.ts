import type { NamedEvent } from "./event-reply.js";

/** The event in the `data` of a stream of named events, or an error without a name; `undefined` for anything else. */
export function parseNamedEvent(data: string): NamedEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== "object" || value === null) return undefined;
    const { type, error } = value as { readonly type?: unknown; readonly error?: unknown };
    if (typeof type === "string") return value as NamedEvent;
    return error === undefined || error === null ? undefined : { type: "error", error };
  } catch {
    return undefined;
  }
}
