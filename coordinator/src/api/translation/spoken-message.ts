/** A message in the form of chat completions, as it came in or translated: only the members that hold what was said. */
export interface SpokenMessage {
  readonly role: string;
  readonly content?: string | readonly { readonly type: string; readonly text?: unknown }[] | null | undefined;
  readonly reasoning_content?: unknown;
  readonly tool_calls?: unknown;
}
