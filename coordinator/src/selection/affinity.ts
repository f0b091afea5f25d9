import { BoundedMap } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Conversation } from "./traits.js";

/** Conversations remembered at most; the one that nobody went on with for longest goes first. Some 200 bytes each. */
const MAX_CONVERSATIONS = 50_000;

/** Which machine answered a conversation last: its cache may hold all of it but the last question. In memory only. */
export class Affinity {
  readonly #machines: BoundedMap<string, ProviderId>;

  constructor(max: number = MAX_CONVERSATIONS) {
    this.#machines = new BoundedMap(max);
  }

  remember(conversation: Conversation, provider: ProviderId): void {
    this.#machines.set(conversation.id, provider);
  }

  /** @returns who may hold the conversation's prefix; `undefined` for one that begins, or that nobody remembers */
  of(conversation: Conversation): ProviderId | undefined {
    return conversation.continued ? this.#machines.get(conversation.id) : undefined;
  }
}
