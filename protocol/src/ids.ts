/** Branded ids: strings that cannot be mixed up. */
export type RequestId = string & { readonly __id: "request" };
export type AttemptId = string & { readonly __id: "attempt" };
export type ProviderId = string & { readonly __id: "provider" };

/** Largest stream id and sequence number: both are u32 on the wire. */
export const MAX_U32 = 0xffff_ffff;
