import type { z } from "zod";
import type { Dialect, DialectContext, ErrorBody } from "../request/consumer.js";
import type { InferenceRequest } from "../request/inference-request.js";

/** What the API's description tells of a route, beside its path. Its schemas are `named`. */
export interface Description {
  /** Unique in the whole API. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly request?: z.ZodType;
  readonly answer: z.ZodType;
  /** An event of the answer, where `stream: true` asks for events. */
  readonly event?: z.ZodType;
  /** OpenAI's unless it says otherwise. */
  readonly error?: z.ZodType;
}

/** A route that takes inference requests, and the dialect spoken there. */
export interface Endpoint {
  readonly path: string;
  /** What its dialect is called: by the name under which backends speak it, where any does. */
  readonly speaks: string;
  readonly dialect: (context: DialectContext) => Dialect<InferenceRequest>;
  /** Where the SDKs of this dialect look for the request's id. */
  readonly idHeaders: readonly string[];
  /** The form of what is refused before the dialect has a say, under its path as well; absent = OpenAI's. */
  readonly errorBody?: ErrorBody;
  readonly description: Description;
}
