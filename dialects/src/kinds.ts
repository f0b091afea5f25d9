/** What one event of a backend's stream is, or the whole of its answer. The dialect that the backend speaks decides. */
export type EventReading =
  /** Says nothing yet (a role, an id): held until there is content. */
  | { readonly kind: "preamble"; readonly parsed: unknown }
  | {
      readonly kind: "content";
      readonly parsed: unknown;
      readonly finishes: boolean;
      /** It holds something that the model wrote: an end by itself does not. */
      readonly generates: boolean;
    }
  /** Follows the content and is not content itself: the usage. */
  | { readonly kind: "trailer"; readonly parsed: unknown }
  /** The dialect's own end mark. */
  | { readonly kind: "done" }
  /** An error inside an HTTP 200, with the status that it stands for, or 502 where it does not tell. */
  | { readonly kind: "error"; readonly status: number; readonly error: unknown }
  | { readonly kind: "malformed" };

const END_MARK = "[DONE]";

/** The `data` of an event is the mark that ends the streams of OpenAI's older dialects, and of some servers' others. */
export function isEndMark(data: string): boolean {
  return data === END_MARK || (data.length < 2 * END_MARK.length && data.trim() === END_MARK);
}
