/** A server-sent event that carries this value as JSON. */
export function sseEvent(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The mark that ends every OpenAI stream. It says that nothing follows, not that all went well. */
export const DONE = "data: [DONE]\n\n";
