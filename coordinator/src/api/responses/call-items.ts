import { FreeformInput } from "./freeform-input.js";
import type { ToolOrigin } from "./offered-tools.js";
import { added, done, type ItemEvent, type OutputItem } from "./output-item.js";

/** A call as the model made it: its id, and the function's name. */
interface Called {
  readonly id: string;
  readonly name: string;
}

/** A call of an offered function, as a call of what the function stands for. */
export function callItem(call: Called, suffix: string, origin: ToolOrigin): OutputItem {
  switch (origin.kind) {
    case "function":
      return new FunctionCallItem(`fc_${suffix}`, call.id, origin);
    case "custom":
      return new CustomCallItem(`ctc_${suffix}`, call.id, origin);
    case "local_shell":
      return new WholeCallItem(`lsh_${suffix}`, call.id, localShellCall);
    case "tool_search":
      return new WholeCallItem(`tsc_${suffix}`, call.id, toolSearchCall);
  }
}

interface Named {
  readonly name: string;
  readonly namespace?: string | undefined;
}

const namesOf = ({ name, namespace }: Named): object => ({ name, ...(namespace ? { namespace } : {}) });

class FunctionCallItem implements OutputItem {
  readonly #id: string;
  readonly #callId: string;
  readonly #called: Named;
  #arguments = "";

  constructor(id: string, callId: string, called: Named) {
    this.#id = id;
    this.#callId = callId;
    this.#called = called;
  }

  open(): readonly ItemEvent[] {
    return [added(this.#item("in_progress"))];
  }

  delta(delta: string): readonly ItemEvent[] {
    this.#arguments += delta;
    return [{ type: "response.function_call_arguments.delta", item_id: this.#id, delta }];
  }

  /** A call without arguments has none, which in JSON is an empty object. */
  close(status: string): readonly ItemEvent[] {
    const events = this.#arguments === "" ? this.delta("{}") : [];
    const { name } = this.#called;
    return [
      ...events,
      { type: "response.function_call_arguments.done", item_id: this.#id, name, arguments: this.#arguments },
      done(this.#item(status)),
    ];
  }

  #item(status: string): object {
    const names = namesOf(this.#called);
    return { id: this.#id, type: "function_call", status, call_id: this.#callId, ...names, arguments: this.#arguments };
  }
}

class CustomCallItem implements OutputItem {
  readonly #id: string;
  readonly #callId: string;
  readonly #called: Named;
  readonly #reader = new FreeformInput();
  #input = "";

  constructor(id: string, callId: string, called: Named) {
    this.#id = id;
    this.#callId = callId;
    this.#called = called;
  }

  open(): readonly ItemEvent[] {
    return [added(this.#item("in_progress"))];
  }

  delta(args: string): readonly ItemEvent[] {
    return this.#told(this.#reader.push(args));
  }

  close(status: string): readonly ItemEvent[] {
    return [
      ...this.#told(this.#reader.end()),
      { type: "response.custom_tool_call_input.done", item_id: this.#id, input: this.#input },
      done(this.#item(status)),
    ];
  }

  #told(delta: string): readonly ItemEvent[] {
    if (delta === "") return [];
    this.#input += delta;
    return [{ type: "response.custom_tool_call_input.delta", item_id: this.#id, delta }];
  }

  #item(status: string): object {
    const names = namesOf(this.#called);
    return { id: this.#id, type: "custom_tool_call", status, call_id: this.#callId, ...names, input: this.#input };
  }
}

/** A call that OpenAI has no events for: it is there, and then it is complete. */
class WholeCallItem implements OutputItem {
  readonly #id: string;
  readonly #callId: string;
  readonly #members: (args: string) => object;
  #arguments = "";

  /** @param members of the item, for arguments that are empty at first */
  constructor(id: string, callId: string, members: (args: string) => object) {
    this.#id = id;
    this.#callId = callId;
    this.#members = members;
  }

  open(): readonly ItemEvent[] {
    return [added(this.#item("in_progress"))];
  }

  delta(args: string): readonly ItemEvent[] {
    this.#arguments += args;
    return [];
  }

  close(status: string): readonly ItemEvent[] {
    return [done(this.#item(status))];
  }

  #item(status: string): object {
    return { id: this.#id, call_id: this.#callId, status, ...this.#members(this.#arguments) };
  }
}

type Arguments = Readonly<Record<string, unknown>>;

/** The members that a client may read are of their type, whatever the model wrote. */
function localShellCall(args: string): object {
  const { command, timeout_ms: timeout, working_directory: directory, env, user } = argumentsIn(args);
  const action = {
    type: "exec",
    command: commandOf(command),
    env: isStrings(env) ? env : {},
    timeout_ms: typeof timeout === "number" ? Math.max(0, Math.round(timeout)) : null,
    working_directory: typeof directory === "string" ? directory : null,
    user: typeof user === "string" ? user : null,
  };
  return { type: "local_shell_call", action };
}

/** Models that were taught another shell tool write one line. */
function commandOf(command: unknown): readonly string[] {
  if (typeof command === "string") return ["bash", "-lc", command];
  return Array.isArray(command) ? command.map((word) => (typeof word === "string" ? word : JSON.stringify(word))) : [];
}

const isStrings = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === "object" && value !== null && Object.values(value).every((each) => typeof each === "string");

function toolSearchCall(args: string): object {
  return { type: "tool_search_call", execution: "client", arguments: argumentsIn(args) };
}

/** Nothing where the model wrote no object: whoever runs the call says what is missing. */
function argumentsIn(args: string): Arguments {
  try {
    const value: unknown = JSON.parse(args);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Arguments) : {};
  } catch {
    return {};
  }
}
