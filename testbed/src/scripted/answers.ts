/** What a consumer made of an event stream. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Concatenated content deltas. */
  readonly content: string;
  /** How often `[DONE]` came. */
  readonly done: number;
  /** In-band errors. */
  readonly errors: readonly { readonly code?: string | null; readonly message?: string }[];
  /** The connection broke before the body was complete. */
  readonly broken: boolean;
}

/** Reads a whole event stream, to its end or its break. */
export async function readStream(response: Response): Promise<StreamAnswer> {
  const { text, broken } = await readAll(response);
  const events = text
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice(6));
  const chunks = events.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data) as Chunk);
  return {
    status: response.status,
    headers: response.headers,
    text,
    content: chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? "").join(""),
    done: events.filter((data) => data === "[DONE]").length,
    errors: chunks.flatMap((chunk) => (chunk.error === undefined ? [] : [chunk.error])),
    broken,
  };
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly error?: { readonly code?: string | null; readonly message?: string };
}

async function readAll(response: Response): Promise<{ readonly text: string; readonly broken: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const part of response.body ?? []) text += decoder.decode(part as Uint8Array, { stream: true });
    return { text, broken: false };
  } catch {
    return { text, broken: true };
  }
}

/** Whether it is the answer that all well providers of a test give, and no error, streamed or not. */
export async function isGood(response: Response): Promise<boolean> {
  const text = await response.text();
  return response.status === 200 && text.includes("good") && !text.includes('"error"');
}

/** What a refused consumer goes by. */
export async function errorOf(response: Response): Promise<{ readonly status: number; readonly code: string | null }> {
  const body = (await response.json()) as { readonly error: { readonly code: string | null } };
  return { status: response.status, code: body.error.code };
}

/** Waits until a condition holds, polling; fails with its description after the deadline. */
export async function until(what: string, holds: () => boolean, deadlineMs = 20_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
