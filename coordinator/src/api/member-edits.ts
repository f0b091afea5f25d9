/** Edits of a body's top-level members: the new value as JSON text, or `undefined` to remove the member. */
export type Edits = Map<string, string | undefined>;

/**
 * What changes in every body before a provider sees it: what is for nobody there goes, and so does every `null`, which
 * means absent to OpenAI and something else to each backend.
 *
 * @param removed names of members
 */
export function baseEdits(body: Readonly<Record<string, unknown>>, removed: readonly string[]): Edits {
  const edits: Edits = new Map();
  for (const key of removed) edits.set(key, undefined);
  for (const key in body) if (body[key] === null) edits.set(key, undefined);
  return edits;
}

/** Asks the backend for a stream that ends with the usage. */
export function askForStream(
  edits: Edits,
  body: { readonly stream?: boolean | null | undefined; readonly stream_options?: StreamOptions | null | undefined },
): void {
  if (body.stream !== true) edits.set("stream", "true");
  if (body.stream_options?.include_usage === true) return;
  edits.set("stream_options", JSON.stringify({ ...body.stream_options, include_usage: true }));
}

interface StreamOptions {
  readonly include_usage?: boolean | null | undefined;
}

/**
 * The edits of one form of a request.
 *
 * @param build the name that the provider knows the model by
 * @param choice which of several answers it asks for, from 0: with the same seed all of them would say the same
 */
export function editsOfForm(
  edits: Edits,
  { model, seed }: { readonly model: string; readonly seed?: number | null | undefined },
  build: string,
  choice = 0,
): Edits {
  const own = new Map(edits);
  if (build !== model) own.set("model", JSON.stringify(build));
  if (typeof seed === "number" && choice > 0) own.set("seed", String(seed + choice));
  return own;
}

/** How many answers are wanted, where it is more than one. */
export function choicesOf(n: number | null | undefined): { readonly choices?: number } {
  return (n ?? 1) > 1 ? { choices: n as number } : {};
}

/** Several answers are asked for one by one, so that no form asks for more than one. */
export function askForOne(edits: Edits, { n }: { readonly n?: number | null | undefined }): void {
  if ((n ?? 1) > 1) edits.set("n", undefined);
}

/**
 * A bound on the answer as a body has it, tokens: −1 means absent to llama-server, Ollama and LM Studio, and to those who
 * write their clients.
 */
export function answerBound(written: number | null | undefined): number | undefined {
  return written === null || written === -1 ? undefined : written;
}
