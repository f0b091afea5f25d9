import { wholeArguments } from "./whole-arguments.js";

/** A part of a user's message, as chat completions know it. */
export type ChatPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string; readonly detail?: string } }
  | { readonly type: "input_audio"; readonly input_audio: unknown };

export interface ChatToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

interface AssistantMessage {
  readonly role: "assistant";
  content: string | null;
  reasoning_content?: string;
  tool_calls?: ChatToolCall[];
}

export type ChatMessage =
  | { readonly role: "system"; content: string }
  | { readonly role: "user"; readonly content: string | readonly ChatPart[] }
  | Readonly<AssistantMessage>
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string };

export interface ToolResult {
  readonly callId: string;
  readonly parts: readonly ChatPart[];
  readonly isError: boolean;
}

/** Writes a conversation in the form of chat completions, whatever form it came in. */
export class Conversation {
  readonly #messages: ChatMessage[] = [];
  #turn: AssistantTurn | undefined;
  /** Images that tools returned: a `tool` message holds text only, so they follow as the user's. */
  #toolImages: ChatPart[] = [];
  /** For a model that sees nothing: what stands in the place of messages with such images, if anything does. */
  readonly #unseen = new Map<ChatMessage, ChatMessage | undefined>();

  /** Instructions. Those at the start become one message: many chat templates know only one, and only there. */
  system(text: string): void {
    this.#endTurn();
    const first = this.#messages[0];
    if (this.#messages.length === 1 && first?.role === "system") first.content += `\n\n${text}`;
    else this.#messages.push({ role: "system", content: text });
  }

  user(parts: readonly ChatPart[]): void {
    this.#endTurn();
    const all = [...this.#toolImages, ...parts];
    const message = userMessage(all);
    if (this.#toolImages.length > 0) this.#unseen.set(message, parts.length === 0 ? undefined : userMessage(parts));
    this.#toolImages = [];
    this.#messages.push(message);
  }

  /** The assistant's turn that is open, or a new one. It stays open until somebody else speaks. */
  assistant(): AssistantTurn {
    this.#flushImages();
    this.#turn ??= new AssistantTurn();
    return this.#turn;
  }

  /** What the assistant says next is a message of its own. */
  newAssistant(): AssistantTurn {
    this.#endTurn();
    return this.assistant();
  }

  tool({ callId, parts, isError }: ToolResult): void {
    this.#endTurn();
    const images = parts.filter((part) => part.type !== "text");
    const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
    const said = text === "" && images.length > 0 ? "The result is the image that follows." : text;
    // Chat completions have no mark for a tool that failed, and the model must know.
    const content = isError ? `Error: ${said}` : said;
    const message: ChatMessage = { role: "tool", tool_call_id: callId, content };
    this.#messages.push(message);
    if (images.length === 0) return;
    const told = [...(text === "" ? [] : [text]), UNSEEN].join("\n");
    this.#unseen.set(message, { ...message, content: isError ? `Error: ${told}` : told });
    this.#toolImages.push({ type: "text", text: `Result of tool call ${callId}:` }, ...images);
  }

  /** The messages; nothing may be added after. */
  end(): readonly ChatMessage[] {
    this.#endTurn();
    this.#flushImages();
    return this.#messages;
  }

  /**
   * The messages for a model that takes no images, with a short text in the place of each that a tool returned; those
   * of the user stay. To be asked for after the end.
   *
   * @returns `undefined` where no tool returned any
   */
  withoutToolImages(): readonly ChatMessage[] | undefined {
    if (this.#unseen.size === 0) return undefined;
    return this.#messages.flatMap((message) => {
      if (!this.#unseen.has(message)) return [message];
      const told = this.#unseen.get(message);
      return told === undefined ? [] : [told];
    });
  }

  #endTurn(): void {
    if (this.#turn !== undefined) this.#messages.push(this.#turn.message());
    this.#turn = undefined;
  }

  #flushImages(): void {
    if (this.#toolImages.length > 0) this.user([]);
  }
}

/** What the assistant said before anybody else spoke: one message. */
export class AssistantTurn {
  readonly #calls: ChatToolCall[] = [];
  #text: string | undefined;
  #reasoning: string | undefined;

  get hasText(): boolean {
    return this.#text !== undefined;
  }

  get hasCalls(): boolean {
    return this.#calls.length > 0;
  }

  text(text: string): void {
    this.#text = (this.#text ?? "") + text;
  }

  reasoning(text: string): void {
    this.#reasoning = (this.#reasoning ?? "") + text;
  }

  call(id: string, name: string, args: string): void {
    this.#calls.push({ id, type: "function", function: { name, arguments: wholeArguments(args) } });
  }

  message(): Readonly<AssistantMessage> {
    return {
      role: "assistant",
      content: this.#text ?? (this.hasCalls ? null : ""),
      ...(this.#reasoning === undefined ? {} : { reasoning_content: this.#reasoning }),
      ...(this.hasCalls ? { tool_calls: this.#calls } : {}),
    };
  }
}

/** What a model that takes no images is told of one. */
const UNSEEN = "[An image, which this model cannot see.]";

const userMessage = (parts: readonly ChatPart[]): ChatMessage => ({ role: "user", content: plainText(parts) ?? parts });

/** The text of parts that are one text or none; `undefined` for all that is more than a string can say. */
function plainText(parts: readonly ChatPart[]): string | undefined {
  const [only, ...others] = parts;
  if (only === undefined) return "";
  return others.length === 0 && only.type === "text" ? only.text : undefined;
}
