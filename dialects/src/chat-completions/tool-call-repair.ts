import type { ToolCallDelta } from "./read-event.js";

interface OpenCall {
  /** Its place in the answer: 0, 1, 2, … in the order of opening. */
  readonly index: number;
  id: string | undefined;
  type: string;
  /** As far as it has come. */
  name: string;
  /** All that have come. */
  args: string;
  /** Its first delta is out: an SDK needs the whole name in it. */
  told: boolean;
  /** What its deltas said that are held back until then. */
  held: ToolCallDelta | undefined;
  /** It was named once more behind its arguments: more of those would be another call's. */
  repeated: boolean;
}

/** What a delta says of which call it belongs to. */
interface Named {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly args: string;
}

/**
 * Brings the tool-call deltas of one choice into the form that SDKs rely on: an `index` in every delta, counted from 0
 * without gaps; `id`, `type` and `name` in the first delta of a call and in no other; arguments as text. Backends leave
 * index or id out, repeat one of them for several calls, repeat the names or send them in pieces, send arguments as an
 * object, or none.
 */
export class ToolCallRepair {
  readonly #calls: OpenCall[] = [];
  readonly #byUpstreamIndex = new Map<number, OpenCall>();
  readonly #idOf: (index: number) => string;
  readonly #isName: ((name: string) => boolean) | undefined;

  /**
   * @param idOf makes an id for a call that the backend gave none
   * @param isName whether a name is whole; absent = all are
   */
  constructor(idOf: (index: number) => string, isName?: (name: string) => boolean) {
    this.#idOf = idOf;
    this.#isName = isName;
  }

  /** The answer holds tool calls. */
  get any(): boolean {
    return this.#calls.length > 0;
  }

  /**
   * @param last no more will come: what is held back comes now
   * @returns the same list where there was nothing to repair
   */
  next(deltas: readonly ToolCallDelta[], last = false): readonly ToolCallDelta[] {
    let changed = false;
    const repaired: ToolCallDelta[] = [];
    const beside = new Set<OpenCall>();
    for (const delta of deltas) {
      const call = this.#callOf(delta, beside);
      for (const held of this.#held(call)) changed = repaired.push(held) > 0;
      beside.add(call);
      const one = this.#repair(delta, call, last);
      if (one !== delta) changed = true;
      if (one !== undefined) repaired.push(one);
    }
    if (last) for (const rest of this.#rest()) changed = repaired.push(rest) > 0;
    return changed ? repaired : deltas;
  }

  /** What the calls lack when no more will come. */
  #rest(): ToolCallDelta[] {
    const held = this.#held(undefined);
    const empty = this.#calls.filter(({ told, type, args }) => told && type === "function" && args.trim() === "");
    return [...held, ...empty.map((call) => this.#noArguments(call))];
  }

  /** A call without arguments: servers that get it back read them as JSON, and fail over an empty text. */
  #noArguments(call: OpenCall): ToolCallDelta {
    call.args = "{}";
    return { index: call.index, function: { arguments: "{}" } };
  }

  /** Calls that wait for the rest of their names, which cannot come any more. @param but the one that is going on */
  #held(but: OpenCall | undefined): ToolCallDelta[] {
    const waiting = this.#calls.filter((call) => call !== but && !call.told && call.name !== "");
    return waiting.map((call) => this.#opening(call));
  }

  #repair(delta: ToolCallDelta, call: OpenCall, last: boolean): ToolCallDelta | undefined {
    const { id, name, args } = namedOf(delta);
    call.args += args;
    if (call.told) return isContinuation(delta, call.index) ? delta : continuation(delta, call.index);
    call.id ??= id;
    call.type = textOf(delta.type) ?? call.type;
    const before = call.held;
    call.held = { ...before, ...delta };
    if (name !== undefined && name !== call.name) call.name += name;
    if (call.name === "" || !(last || name === undefined || this.#isWhole(call))) return undefined;
    if (before === undefined && isOpening(delta, call) && !this.#isTaken(call)) {
      call.told = true;
      return delta;
    }
    return this.#opening(call);
  }

  #isWhole({ name, args }: OpenCall): boolean {
    return this.#isName === undefined || this.#isName(name) || isJson(args);
  }

  #opening(call: OpenCall): ToolCallDelta {
    call.told = true;
    if (call.id === undefined || this.#isTaken(call)) call.id = this.#idOf(call.index);
    const { index, id, type, name, args, held } = call;
    call.held = undefined;
    return { ...held, index, id, type, function: { ...held?.function, name, arguments: args } };
  }

  /** Some give all calls of an answer one id; results are told apart by it. */
  #isTaken({ id, index }: OpenCall): boolean {
    return this.#calls.some((other) => other.index < index && other.id === id);
  }

  /** The call that a delta belongs to. One that names another call under the same index or id opens a new one. */
  #callOf(delta: ToolCallDelta, beside: ReadonlySet<OpenCall>): OpenCall {
    const named = namedOf(delta);
    const open = this.#openCall(delta.index, named.id);
    if (open === undefined || this.#isOther(open, named, beside)) return this.#open(delta.index);
    if (named.name !== undefined || !open.repeated || named.args.trim() === "") return open;
    const again = this.#open(delta.index);
    again.name = open.name;
    return again;
  }

  #isOther(open: OpenCall, { id, name, args }: Named, beside: ReadonlySet<OpenCall>): boolean {
    if (name === undefined || open.name === "") return false;
    if (id !== undefined && open.id !== undefined && id !== open.id) return true;
    if (beside.has(open)) return true;
    if (isJson(open.args)) {
      open.repeated = true;
      return name !== open.name || args.trim() !== "";
    }
    // Two whole names are no pieces of one.
    return name !== open.name && this.#isName?.(open.name) === true && this.#isName(name);
  }

  #openCall(upstreamIndex: number | undefined, id: string | undefined): OpenCall | undefined {
    if (typeof upstreamIndex === "number") return this.#byUpstreamIndex.get(upstreamIndex);
    return this.#calls.findLast((call) => id !== undefined && call.id === id) ?? this.#calls.at(-1);
  }

  #open(upstreamIndex: number | undefined): OpenCall {
    const call: OpenCall = {
      index: this.#calls.length,
      id: undefined,
      type: "function",
      name: "",
      args: "",
      told: false,
      held: undefined,
      repeated: false,
    };
    this.#calls.push(call);
    if (typeof upstreamIndex === "number") this.#byUpstreamIndex.set(upstreamIndex, call);
    return call;
  }
}

function isOpening(delta: ToolCallDelta, call: OpenCall): boolean {
  return delta.index === call.index && isText(delta.id) && isText(delta.type) && hasTextArguments(delta);
}

function isContinuation(delta: ToolCallDelta, index: number): boolean {
  const names = "id" in delta || "type" in delta || (delta.function != null && "name" in delta.function);
  return delta.index === index && !names && hasTextArguments(delta);
}

function continuation(delta: ToolCallDelta, index: number): ToolCallDelta {
  const { id: _id, type: _type, function: called, ...rest } = delta;
  const { name: _name, ...others } = called ?? {};
  return { ...rest, index, function: { ...others, arguments: argumentsOf(delta) } };
}

/** `arguments` may be left out, but what is there must be text. A custom tool has input instead. */
function hasTextArguments({ function: called }: ToolCallDelta): boolean {
  return called == null || called.arguments === undefined || typeof called.arguments === "string";
}

function namedOf(delta: ToolCallDelta): Named {
  const custom = delta["custom"] as { readonly name?: unknown } | null | undefined;
  const name = textOf(delta.function?.name) ?? textOf(custom?.name);
  return { id: textOf(delta.id), name, args: argumentsOf(delta) };
}

function argumentsOf({ function: called }: ToolCallDelta): string {
  const given = called?.arguments;
  if (given === undefined || given === null) return "";
  return typeof given === "string" ? given : JSON.stringify(given);
}

/** Arguments that are a whole JSON value. All are objects, so that most need not be read. */
function isJson(args: string): boolean {
  if (!args.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(args);
    return true;
  } catch {
    return false;
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const textOf = (value: unknown): string | undefined => (isText(value) ? value : undefined);
