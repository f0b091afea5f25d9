/** What the chunks of both dialects have that give several answers. */
interface ChoiceChunk<Choice> {
  readonly id?: string | undefined;
  readonly created?: number | undefined;
  readonly choices?: readonly Choice[] | null | undefined;
  readonly usage?: unknown;
}

/**
 * A chunk of one of several answers that were given apart, as if one backend had given all of them: under one id and
 * time, numbered, and without what this one alone has cost.
 *
 * @returns `undefined` for a chunk that tells nothing else
 */
export function ofChoice<Choice extends object, Chunk extends ChoiceChunk<Choice>>(
  chunk: Chunk & ChoiceChunk<Choice>,
  choice: number,
  { id, created }: { readonly id: string; readonly created: number },
): Chunk | undefined {
  const { usage: _usage, choices, ...rest } = chunk;
  if (!choices || choices.length === 0) return undefined;
  const numbered = choices.map((each) => ({ ...each, index: choice }));
  return { ...rest, id, created, choices: numbered } as unknown as Chunk;
}
