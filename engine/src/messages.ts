import { z } from "zod";

/** What the child is told at the start. The key travels here, because arguments and environments can be read by others. */
export interface StartOptions {
  readonly modelPath: string;
  readonly modelId: string;
  readonly apiKey: string;
  readonly slots: number;
  readonly threads?: number | undefined;
  readonly contextTokens?: number | undefined;
}

/** Parent → child. */
export type ParentMessage = { readonly type: "start"; readonly options: StartOptions } | { readonly type: "stop" };

export const parentMessageSchema: z.ZodType<ParentMessage> = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("start"),
    options: z.object({
      modelPath: z.string(),
      modelId: z.string(),
      apiKey: z.string(),
      slots: z.int().positive(),
      threads: z.int().positive().optional(),
      contextTokens: z.int().positive().optional(),
    }),
  }),
  z.object({ type: z.literal("stop") }),
]);

/** Codes of an `EngineError` that only the child can find out. */
export type LoadFailure = "model_corrupt" | "out_of_memory" | "engine_unavailable";

export const loadFailureSchema: z.ZodType<LoadFailure> = z.enum([
  "model_corrupt",
  "out_of_memory",
  "engine_unavailable",
]);

/** Child → parent. `ready` or `failed` comes once; `log` lines come from llama.cpp and never hold text of a request. */
export type ChildMessage =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "failed"; readonly code: LoadFailure; readonly message: string }
  | { readonly type: "log"; readonly line: string };

export const childMessageSchema: z.ZodType<ChildMessage> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready"), port: z.int().positive() }),
  z.object({ type: z.literal("failed"), code: loadFailureSchema, message: z.string() }),
  z.object({ type: z.literal("log"), line: z.string() }),
]);
