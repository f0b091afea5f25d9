import type { NamedEvent } from "@hearth/dialects";

type Members = Readonly<Record<string, unknown>>;

/** What opens, fills and ends the one part of an item, by the prefix of its deltas. */
interface PartEvents {
  readonly added: string;
  readonly delta: string;
  readonly done: string;
  readonly partDone: string;
  /** The member of the `done` event that repeats the deltas. */
  readonly text: string;
  readonly indexed: "content_index" | "summary_index";
}

const content = (name: string, text = "text"): PartEvents => ({
  added: "response.content_part.added",
  delta: `response.${name}.delta`,
  done: `response.${name}.done`,
  partDone: "response.content_part.done",
  text,
  indexed: "content_index",
});

const PARTS: Readonly<Record<string, PartEvents>> = {
  output_text: content("output_text"),
  refusal: content("refusal", "refusal"),
  reasoning_text: content("reasoning_text"),
  summary_text: {
    added: "response.reasoning_summary_part.added",
    delta: "response.reasoning_summary_text.delta",
    done: "response.reasoning_summary_text.done",
    partDone: "response.reasoning_summary_part.done",
    text: "text",
    indexed: "summary_index",
  },
};

const ANNOTATION = "response.output_text.annotation.added";

/** What is wrong with a stream of Responses that is said to be complete; empty when it keeps every rule. */
export function responsesProblems(events: readonly NamedEvent[]): string[] {
  return new ResponsesCheck(events).run();
}

class ResponsesCheck {
  readonly #problems: string[] = [];
  readonly #events: readonly NamedEvent[];
  readonly #items: unknown[] = [];
  readonly #ids = new Set<unknown>();
  #at = 0;

  constructor(events: readonly NamedEvent[]) {
    this.#events = events;
  }

  run(): string[] {
    for (const [index, event] of this.#events.entries()) {
      if (event["sequence_number"] !== index) this.#problems.push(`event ${index} has another number`);
    }
    const created = this.#take("response.created")["response"] as Members;
    for (const member of ["id", "model", "created_at"]) if (!created[member]) this.#problems.push(`no ${member}`);
    this.#take("response.in_progress");
    while (this.#peek() === "response.output_item.added") this.#item();
    this.#last();
    return this.#problems;
  }

  #item(): void {
    const { item, output_index: index } = this.#take("response.output_item.added");
    const { id, type, status } = item as Members;
    if (index !== this.#items.length) this.#problems.push(`item ${index} where ${this.#items.length} was due`);
    if (typeof id !== "string" || id === "" || this.#ids.has(id)) this.#problems.push(`the id ${id}`);
    if (status !== "in_progress") this.#problems.push(`an item begins ${status}`);
    this.#ids.add(id);
    this.#growth(type, { item_id: id, output_index: index });
    const done = this.#take("response.output_item.done");
    const finished = done["item"] as Members;
    if (done["output_index"] !== index || finished["id"] !== id) this.#problems.push("another item is done");
    this.#items.push(finished);
  }

  #growth(type: unknown, item: Members): void {
    switch (type) {
      case "function_call":
        return this.#told("response.function_call_arguments", "arguments", item);
      case "custom_tool_call":
        return this.#told("response.custom_tool_call_input", "input", item);
      case "local_shell_call":
      case "shell_call":
      case "apply_patch_call":
      case "tool_search_call":
        return;
      case "reasoning":
        return this.#thoughts(item);
    }
    this.#part(item);
  }

  #part(item: Members): void {
    const first = this.#peekEvent();
    const part = (first?.["part"] ?? {}) as Members;
    const kind = PARTS[String(part["type"])];
    if (kind === undefined) {
      this.#problems.push(`${first?.type} where a part was due`);
      return;
    }
    const place = { ...item, [kind.indexed]: 0 };
    this.#take(kind.added, place);
    const annotations: unknown[] = [];
    let text = "";
    for (let peeked = this.#peek(); peeked === kind.delta || peeked === ANNOTATION; peeked = this.#peek()) {
      if (peeked === kind.delta) text += this.#deltas(kind.delta, place);
      else annotations.push(this.#take(ANNOTATION, { ...place, annotation_index: annotations.length })["annotation"]);
    }
    const whole = this.#partDone(kind, place, text);
    const told = JSON.stringify(whole["annotations"] ?? []);
    if (told !== JSON.stringify(annotations)) this.#problems.push("a part with other annotations");
  }

  /** As they are, as a summary, or as both at once: piece by piece then. */
  #thoughts(item: Members): void {
    const kinds = [PARTS["reasoning_text"], PARTS["summary_text"]].flatMap((kind) => {
      if (kind === undefined || this.#peek() !== kind.added) return [];
      const place = { ...item, [kind.indexed]: 0 };
      this.#take(kind.added, place);
      return [{ kind, place, text: "" }];
    });
    if (kinds.length === 0) this.#problems.push(`${this.#peek()} where thoughts were due`);
    while (kinds.some(({ kind }) => this.#peek() === kind.delta)) {
      for (const each of kinds) each.text += this.#take(each.kind.delta, each.place)["delta"];
    }
    for (const { kind, place, text } of kinds) this.#partDone(kind, place, text);
  }

  #partDone(kind: PartEvents, place: Members, text: string): Members {
    if (this.#take(kind.done, place)[kind.text] !== text) this.#problems.push("done with another text");
    const { part: whole } = this.#take(kind.partDone, place);
    if ((whole as Members)[kind.text] !== text) this.#problems.push("a part with another text");
    return whole as Members;
  }

  #told(name: string, member: string, place: Members): void {
    const text = this.#deltas(`${name}.delta`, place);
    if (this.#take(`${name}.done`, place)[member] !== text) this.#problems.push(`done with another ${member}`);
  }

  #deltas(type: string, place: Members): string {
    let text = "";
    while (this.#peek() === type) text += this.#take(type, place)["delta"];
    return text;
  }

  #last(): void {
    const event = this.#peekEvent();
    const response = (event?.["response"] ?? {}) as Members;
    if (event?.type !== `response.${response["status"]}`) this.#problems.push(`ends with ${event?.type}`);
    if (this.#at !== this.#events.length - 1) this.#problems.push("events beyond the last one");
    if (JSON.stringify(response["output"]) !== JSON.stringify(this.#items)) this.#problems.push("another output");
  }

  #take(type: string, place: Members = {}): NamedEvent {
    const event = this.#peekEvent() ?? { type: "nothing" };
    this.#at += 1;
    if (event.type !== type) this.#problems.push(`${event.type} where ${type} was due`);
    for (const [member, value] of Object.entries(place)) {
      if (event[member] !== value) this.#problems.push(`${type}: ${member} is ${event[member]}`);
    }
    return event;
  }

  #peek(): string | undefined {
    return this.#peekEvent()?.type;
  }

  #peekEvent(): NamedEvent | undefined {
    return this.#events[this.#at];
  }
}
