import { isObject } from "./provider-json.js";

/** How far a backend says it is with a prompt, tokens. */
export interface PromptProgress {
  /** Those that it need not read any more, cached ones included. */
  readonly processed: number;
  /** Those of them that it did not have to read. */
  readonly cached: number;
  readonly total: number;
}

/** What an event of llama-server's says under `return_progress` (tools/server/README.md; seen in b11669). */
export function progressInEvent(parsed: unknown): PromptProgress | undefined {
  const told = isObject(parsed) ? parsed["prompt_progress"] : undefined;
  if (!isObject(told)) return undefined;
  const { processed, cache: cached = 0, total } = told;
  return isCount(processed) && isCount(cached) && isCount(total) ? { processed, cached, total } : undefined;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Numbers with another word before them, or without a whole, are a clock's or a counter's of comments. */
const COMMENT = /^: ?keepalive (\d{1,15})\/(\d{1,15})\s*$/m;

/** What a comment says in the form of `mlx_lm.server` (`mlx_lm/server.py` at 0.32.0): `: keepalive 2048/60000`. */
export function progressInComment(comment: string): PromptProgress | undefined {
  const match = COMMENT.exec(comment);
  if (match === null) return undefined;
  const [processed, total] = [Number(match[1]), Number(match[2])];
  return processed <= total ? { processed, cached: 0, total } : undefined;
}

/** Something has been read, and the answer is not what comes next. */
export function hasMoved({ processed, cached, total }: PromptProgress): boolean {
  return processed > cached && processed < total;
}
