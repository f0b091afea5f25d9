import type { ToolCallDelta } from "./read-event.js";

interface OpenCall {
  /** Its place in the answer: 0, 1, 2, … in the order of opening. */
  readonly index: number;
  id: string | undefined;
  type: string;
  /** Seen before the name was: an SDK needs the name in a call's first delta. */
  early: string;
  named: boolean;
}

/**
 * Brings the tool-call deltas of one choice into the form that SDKs rely on: an `index` in every delta, counted from 0
 * without gaps; `id`, `type` and `name` in the first delta of a call and in no other; arguments as text. Backends leave
 * the index out, repeat one index for several calls, repeat the names, or send arguments as an object.
 */
export class ToolCallRepair {
  readonly #calls: OpenCall[] = [];
  readonly #byUpstreamIndex = new Map<number, OpenCall>();
  readonly #idOf: (index: number) => string;

  /** @param idOf makes an id for a call that the backend gave none */
  constructor(idOf: (index: number) => string) {
    this.#idOf = idOf;
  }

  /** The answer holds tool calls. */
  get any(): boolean {
    return this.#calls.length > 0;
  }

  /** @returns the same list where there was nothing to repair */
  next(deltas: readonly ToolCallDelta[]): readonly ToolCallDelta[] {
    let changed = false;
    const repaired: ToolCallDelta[] = [];
    for (const delta of deltas) {
      const one = this.#repair(delta);
      if (one !== delta) changed = true;
      if (one !== undefined) repaired.push(one);
    }
    return changed ? repaired : deltas;
  }

  #repair(delta: ToolCallDelta): ToolCallDelta | undefined {
    const call = this.#callOf(delta);
    if (call.named) return isContinuation(delta, call.index) ? delta : continuation(delta, call.index);
    call.id ??= textOf(delta.id);
    call.type = textOf(delta.type) ?? call.type;
    const name = nameOf(delta);
    if (name === undefined) {
      call.early += argumentsOf(delta);
      return undefined;
    }
    call.named = true;
    return isOpening(delta, call) ? delta : this.#opening(delta, call, name);
  }

  #opening(delta: ToolCallDelta, call: OpenCall, name: string): ToolCallDelta {
    call.id ??= this.#idOf(call.index);
    return {
      ...delta,
      index: call.index,
      id: call.id,
      type: call.type,
      function: { ...delta.function, name, arguments: call.early + argumentsOf(delta) },
    };
  }

  /** The call that a delta belongs to. One that names another call under the same index opens a new one. */
  #callOf(delta: ToolCallDelta): OpenCall {
    const id = textOf(delta.id);
    const open = this.#openCall(delta.index, id);
    const isOther = open?.named === true && nameOf(delta) !== undefined && id !== undefined && id !== open.id;
    return open === undefined || isOther ? this.#open(delta.index) : open;
  }

  #openCall(upstreamIndex: number | undefined, id: string | undefined): OpenCall | undefined {
    if (typeof upstreamIndex === "number") return this.#byUpstreamIndex.get(upstreamIndex);
    return this.#calls.find((call) => id !== undefined && call.id === id) ?? this.#calls.at(-1);
  }

  #open(upstreamIndex: number | undefined): OpenCall {
    const call: OpenCall = { index: this.#calls.length, id: undefined, type: "function", early: "", named: false };
    this.#calls.push(call);
    if (typeof upstreamIndex === "number") this.#byUpstreamIndex.set(upstreamIndex, call);
    return call;
  }
}

function isOpening(delta: ToolCallDelta, call: OpenCall): boolean {
  return (
    delta.index === call.index && call.early === "" && isText(delta.id) && isText(delta.type) && hasTextArguments(delta)
  );
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

function argumentsOf({ function: called }: ToolCallDelta): string {
  const given = called?.arguments;
  if (given === undefined || given === null) return "";
  return typeof given === "string" ? given : JSON.stringify(given);
}

function nameOf(delta: ToolCallDelta): string | undefined {
  const custom = delta["custom"] as { readonly name?: unknown } | null | undefined;
  return textOf(delta.function?.name) ?? textOf(custom?.name);
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const textOf = (value: unknown): string | undefined => (isText(value) ? value : undefined);
