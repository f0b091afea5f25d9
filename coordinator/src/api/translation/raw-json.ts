import { type JsonNode, readNode } from "../../request/json-nodes.js";

/** JSON text that goes into another text as it stands: numbers keep their digits, members their order. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `JSON.stringify` for values that may hold `RawJson`. */
export function writeJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => writeJson(item ?? null)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${writeJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** A body's own text, for what a round trip through `JSON.parse` would change. Read when first asked. */
export class BodyText {
  readonly #text: string;
  #root: JsonNode | undefined;
  #isRead = false;

  /** @param text a JSON object that `JSON.parse` accepts */
  constructor(text: string) {
    this.#text = text;
  }

  /**
   * The value at a path as the consumer wrote it.
   *
   * @param value what it was parsed to, for a text that is doubtful (a member that occurs twice)
   */
  at(path: readonly (string | number)[], value: unknown): RawJson {
    if (!this.#isRead) this.#root = readNode(this.#text, 0);
    this.#isRead = true;
    let node = this.#root;
    for (const step of path) node = childOf(node, step);
    return new RawJson(node === undefined ? JSON.stringify(value) : this.#text.slice(node.start, node.end));
  }
}

function childOf(node: JsonNode | undefined, step: string | number): JsonNode | undefined {
  if (typeof step === "number") return node?.kind === "array" ? node.items[step] : undefined;
  return node?.kind === "object" ? node.members.get(step) : undefined;
}
