import type { Usage } from "@hearth/protocol";
import { abortReason } from "../dispatch/race.js";
import type { Attempt, Chunk, Outcome, Success } from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";

/** The race for one answer, as returned by `race`. */
export type ChoiceStream<A extends Attempt> = AsyncGenerator<readonly Chunk[], Outcome<A>>;

export interface ChoiceTerms<A extends Attempt> {
  /** Answers that are wanted. */
  readonly count: number;
  /** Yields each answer only when it is complete; else chunks as they come. */
  readonly whole: boolean;
  /**
   * Begins the race for an answer. Called in order, for each when the one before has its slot. Must not throw.
   *
   * @returns the race, or why it cannot begin: it is tried again when another answer has ended
   */
  begin(choice: number, signal: AbortSignal): Promise<ChoiceStream<A> | HearthError>;
  /** Called once, before the first chunk is yielded, with the answer that it belongs to. */
  opens(choice: number): void;
}

/**
 * Merges the races for several answers into one stream, whose chunks say which answer they belong to. Each race does
 * its own failover; if one fails all the same, the whole request fails. Chunks are pulled from a race only when the
 * consumer has taken the ones before. However the generator ends, no race goes on.
 */
export async function* mergeChoices<A extends Attempt>(
  terms: ChoiceTerms<A>,
  signal: AbortSignal,
): AsyncGenerator<readonly Chunk[], Outcome<A>> {
  const merge = new ChoiceMerge(terms);
  const onAbort = (): void => merge.abort(abortReason(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    merge.begin();
    for (;;) {
      const event = await merge.next();
      if (event.type === "over") return event.outcome;
      yield event.chunks;
      event.taken();
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    await merge.dispose();
  }
}

type MergeEvent<A extends Attempt> =
  | { readonly type: "chunks"; readonly chunks: readonly Chunk[]; taken(): void }
  | { readonly type: "over"; readonly outcome: Outcome<A> };

/** The mutable state of a merge. */
class ChoiceMerge<A extends Attempt> {
  readonly #terms: ChoiceTerms<A>;
  readonly #controller = new AbortController();
  readonly #streams = new Set<ChoiceStream<A>>();
  readonly #answers: Success<A>[] = [];
  /** Chunks by answer, held until the answer is complete. */
  readonly #held: (readonly Chunk[])[] = [];
  readonly #events: MergeEvent<A>[] = [];
  #left: number;
  #opened = false;
  #beginning: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor(terms: ChoiceTerms<A>) {
    this.#terms = terms;
    this.#left = terms.count;
  }

  async next(): Promise<MergeEvent<A>> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  begin(): void {
    this.#beginning = this.#beginAll();
  }

  /** Begins one answer after the other, without holding up those that run already. Never rejects. */
  async #beginAll(): Promise<void> {
    const { signal } = this.#controller;
    for (let choice = 0; choice < this.#terms.count && !signal.aborted; ) {
      const begun = await this.#terms.begin(choice, signal);
      if (!(begun instanceof HearthError)) {
        this.#streams.add(begun);
        this.#pull(begun, choice);
        choice += 1;
      } else if (this.#streams.size === 0) this.#fail({ type: "failed", committed: this.#opened, error: begun });
      else await this.#anotherEnds();
    }
  }

  abort(reason: ReturnType<typeof abortReason>): void {
    this.#push({ type: "over", outcome: { type: "cancelled", committed: this.#opened, reason } });
    this.#controller.abort(reason);
  }

  /** Ends all races. Resolves when none runs any more. */
  async dispose(): Promise<void> {
    this.#controller.abort("superseded");
    this.#onEnd?.();
    // By then an answer that was still looking for a slot has noted it, to be given back, or has none.
    await this.#beginning;
    const gone: Outcome<A> = { type: "cancelled", committed: this.#opened, reason: "superseded" };
    await Promise.all([...this.#streams].map((stream) => stream.return(gone)));
  }

  #pull(stream: ChoiceStream<A>, choice: number): void {
    stream.next().then(
      (result) => this.#pulled(stream, choice, result),
      (thrown: unknown) => this.#fail({ type: "failed", committed: this.#opened, error: HearthError.from(thrown) }),
    );
  }

  #pulled(stream: ChoiceStream<A>, choice: number, result: IteratorResult<readonly Chunk[], Outcome<A>>): void {
    if (result.done === true) {
      this.#streams.delete(stream);
      return this.#ended(choice, result.value);
    }
    const chunks = result.value.map((chunk) => ({ ...chunk, choice }));
    if (!this.#terms.whole) return this.#tell(choice, chunks, () => this.#pull(stream, choice));
    this.#held[choice] = [...(this.#held[choice] ?? []), ...chunks];
    this.#pull(stream, choice);
  }

  #ended(choice: number, outcome: Outcome<A>): void {
    if (outcome.type !== "success") return this.#fail({ ...outcome, committed: this.#opened });
    this.#answers[choice] = outcome;
    this.#left -= 1;
    this.#onEnd?.();
    if (this.#left > 0) return;
    for (const [each, chunks] of this.#held.entries()) if (chunks !== undefined) this.#tell(each, chunks, () => {});
    const [first] = this.#answers;
    if (first === undefined) return;
    const usage = sumOf(this.#answers.map((answer) => answer.usage));
    this.#push({ type: "over", outcome: { type: "success", attempt: first.attempt, usage } });
  }

  #fail(outcome: Exclude<Outcome<A>, Success<A>>): void {
    this.#push({ type: "over", outcome });
    this.#controller.abort("superseded");
  }

  #tell(choice: number, chunks: readonly Chunk[], taken: () => void): void {
    if (!this.#opened) this.#terms.opens(choice);
    this.#opened = true;
    this.#push({ type: "chunks", chunks, taken });
  }

  #push(event: MergeEvent<A>): void {
    this.#events.push(event);
    this.#wake?.();
    this.#wake = undefined;
  }

  #anotherEnds(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }
}

/** The usage of several answers to one prompt, which counts once. */
function sumOf(usages: readonly Usage[]): Usage {
  const [first, ...others] = usages as readonly [Usage, ...Usage[]];
  const completion = others.reduce((sum, usage) => sum + usage.completion_tokens, first.completion_tokens);
  const estimated = usages.some((usage) => usage.estimated) ? ({ estimated: true } as const) : {};
  return { ...first, completion_tokens: completion, ...estimated };
}
