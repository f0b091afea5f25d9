import type { NamedEvent } from "@hearth/dialects";

/** Which deltas a block of each type may get. */
const DELTAS: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
};

/** What is wrong with a stream of Messages that is said to be complete; empty when it keeps every rule. */
export function messagesProblems(events: readonly NamedEvent[]): string[] {
  const [first, ...rest] = events;
  const check = new BlockCheck();
  if (first?.type !== "message_start") check.problems.push("does not begin with message_start");
  for (const event of rest.slice(0, -2)) check.next(event);
  check.end();
  const last = rest.slice(-2).map((event) => event.type);
  if (last.join() !== "message_delta,message_stop") check.problems.push(`ends with ${last.join()}`);
  return check.problems;
}

class BlockCheck {
  readonly problems: string[] = [];
  #open: { readonly index: unknown; readonly type: string } | undefined;
  #next = 0;

  next(event: NamedEvent): void {
    switch (event.type) {
      case "content_block_start":
        return this.#start(event);
      case "content_block_delta":
        return this.#delta(event);
      case "content_block_stop":
        if (this.#open?.index !== event["index"]) this.problems.push(`${event["index"]} stops, which is not open`);
        this.#open = undefined;
        return;
    }
    this.problems.push(`${event.type} among the blocks`);
  }

  end(): void {
    if (this.#open !== undefined) this.problems.push(`block ${this.#open.index} never stops`);
  }

  #start(event: NamedEvent): void {
    const index = event["index"];
    if (this.#open !== undefined) this.problems.push(`block ${index} starts while ${this.#open.index} is open`);
    if (index !== this.#next) this.problems.push(`block ${index} starts where ${this.#next} was due`);
    this.#open = { index, type: (event["content_block"] as { type: string }).type };
    this.#next += 1;
  }

  #delta(event: NamedEvent): void {
    const { type } = event["delta"] as { type: string };
    const open = this.#open;
    if (open === undefined || open.index !== event["index"]) {
      this.problems.push(`a delta for ${event["index"]}, which is not open`);
    } else if (!DELTAS[open.type]?.includes(type)) this.problems.push(`a ${type} in a block of ${open.type}`);
  }
}
