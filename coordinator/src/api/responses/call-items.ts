import { FreeformInput } from "../translation/freeform-input.js";
import { applyPatchCall, localShellCall, shellCall, toolSearchCall } from "./client-tools.js";
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
    case "shell":
      return new WholeCallItem(`sh_${suffix}`, call.id, shellCall);
    case "apply_patch":
      return new PatchCallItem(`apc_${suffix}`, call.id, applyPatchCall);
    case "tool_search":
      return new WholeCallItem(`tsc_${suffix}`, call.id, toolSearchCall);
  }
}

interface Named {
  readonly name: string;
  readonly namespace?: string | undefined;
}

const namesOf = ({ name, namespace }: Named): object => ({ name, ...(namespace ? { namespace } : {}) });

abstract class CallItem implements OutputItem {
  readonly id: string;
  readonly #callId: string;

  constructor(id: string, callId: string) {
    this.id = id;
    this.#callId = callId;
  }

  open(): readonly ItemEvent[] {
    return [added(this.item("in_progress"))];
  }

  abstract delta(args: string): readonly ItemEvent[];

  close(status: string): readonly ItemEvent[] {
    return [done(this.item(status))];
  }

  /** What the item says of its call by now. */
  protected abstract members(): object;

  protected item(status: string): object {
    return { id: this.id, status, call_id: this.#callId, ...this.members() };
  }
}

class FunctionCallItem extends CallItem {
  readonly #called: Named;
  #arguments = "";

  constructor(id: string, callId: string, called: Named) {
    super(id, callId);
    this.#called = called;
  }

  delta(delta: string): readonly ItemEvent[] {
    this.#arguments += delta;
    return [{ type: "response.function_call_arguments.delta", item_id: this.id, delta }];
  }

  override close(status: string): readonly ItemEvent[] {
    const { name } = this.#called;
    return [
      { type: "response.function_call_arguments.done", item_id: this.id, name, arguments: this.#arguments },
      ...super.close(status),
    ];
  }

  protected members(): object {
    return { type: "function_call", ...namesOf(this.#called), arguments: this.#arguments };
  }
}

class CustomCallItem extends CallItem {
  readonly #called: Named;
  readonly #reader = new FreeformInput();
  #input = "";

  constructor(id: string, callId: string, called: Named) {
    super(id, callId);
    this.#called = called;
  }

  delta(args: string): readonly ItemEvent[] {
    return this.#told(this.#reader.push(args));
  }

  override close(status: string): readonly ItemEvent[] {
    return [
      ...this.#told(this.#reader.end()),
      { type: "response.custom_tool_call_input.done", item_id: this.id, input: this.#input },
      ...super.close(status),
    ];
  }

  #told(delta: string): readonly ItemEvent[] {
    if (delta === "") return [];
    this.#input += delta;
    return [{ type: "response.custom_tool_call_input.delta", item_id: this.id, delta }];
  }

  protected members(): object {
    return { type: "custom_tool_call", ...namesOf(this.#called), input: this.#input };
  }
}

/** A call that OpenAI has no events for: it is there, and then it is complete. */
class WholeCallItem extends CallItem {
  readonly #read: (args: string) => object;
  #arguments = "";

  /** @param read the item's members, from arguments that are empty at first */
  constructor(id: string, callId: string, read: (args: string) => object) {
    super(id, callId);
    this.#read = read;
  }

  delta(args: string): readonly ItemEvent[] {
    this.#arguments += args;
    return [];
  }

  protected members(): object {
    return this.#read(this.#arguments);
  }
}

/** A patch has no name for having broken off. */
class PatchCallItem extends WholeCallItem {
  protected override item(status: string): object {
    return super.item(status === "incomplete" ? "in_progress" : status);
  }
}
