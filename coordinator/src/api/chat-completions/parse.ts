import { z } from "zod";
import { HearthError } from "../../platform/errors.js";

// What Hearth itself looks at. Everything else is the backend's business and passes through untouched.
const part = z.looseObject({ type: z.string() });
const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.union([z.string(), z.array(part).min(1)]).nullish(),
});

const schema = z.looseObject({
  model: z.string().min(1).max(128),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
});

export type ChatCompletionBody = z.infer<typeof schema>;

/**
 * Checks a body that is JSON already.
 *
 * @throws HearthError `invalid_request` with the path of the first offending member as `param`
 */
export function parseChatCompletion(value: unknown): ChatCompletionBody {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(parsed.error);
  if ((parsed.data.n ?? 1) > 1) {
    throw new HearthError("invalid_request", "Only one choice a request is supported: set 'n' to 1.", { param: "n" });
  }
  return parsed.data;
}

function invalid(error: z.ZodError): HearthError {
  const issue = error.issues[0];
  const param = issue === undefined ? undefined : pathOf(issue.path);
  const problem = issue?.message ?? "invalid";
  return new HearthError("invalid_request", param ? `Invalid '${param}': ${problem}` : `Invalid body: ${problem}`, {
    param: param || undefined,
  });
}

/** `messages[0].content`, as OpenAI writes it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}
