import { type JsonMember, type JsonNode, RawJson, readMembers, readNode } from "@hearth/dialects";

/** A body's own text, for what a round trip through `JSON.parse` would change. Read when first asked. */
export class BodyText {
  readonly #text: string;
  /** The values of top-level members as far as they were asked for: only what is asked for is read. */
  readonly #values = new Map<string, JsonNode | undefined>();
  #members: ReadonlyMap<string, JsonMember> | undefined;

  /** @param text a JSON object that `JSON.parse` accepts */
  constructor(text: string) {
    this.#text = text;
  }

  /**
   * The value at a path as the consumer wrote it.
   *
   * @param value what it was parsed to, for a text that is doubtful (a member that occurs twice)
   */
  at([name, ...path]: readonly [string, ...(string | number)[]], value: unknown): RawJson {
    const member = this.#member(name);
    let span: Pick<JsonNode, "start" | "end"> | undefined = member;
    if (member !== undefined && path.length > 0) {
      let node = this.#value(name, member);
      for (const step of path) node = childOf(node, step);
      span = node;
    }
    return new RawJson(span === undefined ? JSON.stringify(value) : this.#text.slice(span.start, span.end));
  }

  /** Reads a member before it is asked for: that of a large body takes a turn of its own. */
  prepare(name: string): void {
    const member = this.#member(name);
    if (member !== undefined) this.#value(name, member);
  }

  #value(name: string, { start }: JsonMember): JsonNode | undefined {
    if (!this.#values.has(name)) this.#values.set(name, readNode(this.#text, start));
    return this.#values.get(name);
  }

  /** The last one of that name, as `JSON.parse` takes it. */
  #member(name: string): JsonMember | undefined {
    if (this.#members === undefined) {
      const result = readMembers(this.#text);
      const members = result.type === "object" ? result.object.members : [];
      this.#members = new Map(members.map((member) => [member.key, member]));
    }
    return this.#members.get(name);
  }
}

function childOf(node: JsonNode | undefined, step: string | number): JsonNode | undefined {
  if (typeof step === "number") return node?.kind === "array" ? node.items[step] : undefined;
  return node?.kind === "object" ? node.members.get(step) : undefined;
}
