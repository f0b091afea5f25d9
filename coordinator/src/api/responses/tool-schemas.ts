import { z } from "zod";
import { stopAtFirst } from "../json-body.js";

const name = z.string().min(1).max(128);
const description = z.string().nullish();

const functionTool = z.looseObject({
  type: z.literal("function"),
  name,
  description,
  parameters: z.looseObject({}).nullish(),
  strict: z.boolean().nullish(),
});

/** Called with a text of any form, not with JSON. */
const customTool = z.looseObject({
  type: z.literal("custom"),
  name,
  description,
  format: z.looseObject({ type: z.string(), syntax: z.string().nullish(), definition: z.string().nullish() }).nullish(),
});

const namespaceTool = z.looseObject({
  type: z.literal("namespace"),
  name,
  description,
  tools: stopAtFirst(z.array(z.discriminatedUnion("type", [functionTool, customTool]))),
});

const localShellTool = z.looseObject({ type: z.literal("local_shell") });

/** Run by the client in its own environment, or by OpenAI in a container. */
const shellTool = z.looseObject({
  type: z.literal("shell"),
  environment: z
    .looseObject({
      type: z.string(),
      skills: stopAtFirst(
        z.array(
          z.looseObject({ name: z.string().nullish(), description: z.string().nullish(), path: z.string().nullish() }),
        ),
      ).nullish(),
    })
    .nullish(),
});
const applyPatchTool = z.looseObject({ type: z.literal("apply_patch") });

/** Run by the client, it finds tools that are not in the request yet. Run by the server, it has nothing to find here. */
const toolSearchTool = z.looseObject({
  type: z.literal("tool_search"),
  execution: z.string().nullish(),
  description,
  parameters: z.looseObject({}).nullish(),
});

const ofClient = [localShellTool, shellTool, applyPatchTool, toolSearchTool] as const;
const known = z.discriminatedUnion("type", [functionTool, customTool, namespaceTool, ...ofClient]);
const KNOWN: readonly string[] = known.options.map(({ shape }) => shape.type.value);

/** Whatever else a client offers runs on OpenAI's servers, those that are yet to come included. */
const hostedTool = z.looseObject({
  type: z
    .string()
    .min(1)
    .refine((type) => !KNOWN.includes(type), { abort: true }),
});

/** A tool of Responses. */
export const tool = z.union([known, hostedTool]);

const CHOICES_WITH_MEMBERS: readonly string[] = ["function", "custom", "allowed_tools"];

/** A tool that is chosen by its type, or by another name than its own. */
const chosen = z.looseObject({
  type: z
    .string()
    .min(1)
    .refine((type) => !CHOICES_WITH_MEMBERS.includes(type), { abort: true }),
  name: z.string().nullish(),
  namespace: z.string().nullish(),
});

const namedChoice = z.looseObject({
  type: z.enum(["function", "custom"]),
  name: z.string().min(1),
  namespace: z.string().nullish(),
});
const allowedTools = z.looseObject({
  type: z.literal("allowed_tools"),
  mode: z.enum(["auto", "required"]),
  tools: stopAtFirst(z.array(z.union([namedChoice, chosen])).min(1)),
});

/** Which tools the model may or must call. */
export const toolChoice = z.union([z.enum(["none", "auto", "required"]), allowedTools, namedChoice, chosen]);

export type ResponseTool = z.infer<typeof tool>;
export type KnownTool = z.infer<typeof known>;
export type ChosenTool = z.infer<typeof chosen>;
