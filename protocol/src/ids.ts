/** Branded ids: strings that cannot be mixed up. */
export type RequestId = string & { readonly __id: "request" };
export type AttemptId = string & { readonly __id: "attempt" };
export type ProviderId = string & { readonly __id: "provider" };

/** A stream of one connection: one attempt of one request. Chosen by the coordinator, never reused on that connection. */
export type StreamId = number & { readonly __id: "stream" };

/** Largest stream id and sequence number: both are u32 on the wire. */
export const MAX_U32 = 0xffff_ffff;
