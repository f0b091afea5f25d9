import { z } from "zod";
import { MAX_U32 } from "./ids.js";

// What members of control frames are, by their JSON.

export const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const fraction = z.number().min(0).max(1);
export const shortText = z.string().max(256);
export const id = z.string().min(1).max(128);
export const stream = z.number().int().min(1).max(MAX_U32);
export const key32 = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "32 bytes as unpadded base64url");
export const base64url = (minBytes: number, maxBytes: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]*$/, "unpadded base64url")
    .min(Math.ceil((minBytes * 4) / 3))
    .max(Math.ceil((maxBytes * 4) / 3));

/** W3C Trace Context, level 1, in the one form that we write. */
export const TRACEPARENT: RegExp = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
export const traceparent: z.ZodString = z.string().regex(TRACEPARENT);
