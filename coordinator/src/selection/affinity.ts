import { BoundedMap } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { Conversation } from "./traits.js";

/** Conversations remembered at most, some 200 bytes each. The one idle for longest is dropped first. */
const MAX_CONVERSATIONS = 50_000;

/** Which machine answered a conversation last. Its cache may hold all of it but the last question. In memory only. */
export class Affinity {
  readonly #machines: BoundedMap<string, ProviderId>;

  constructor(max: number = MAX_CONVERSATIONS) {
    this.#machines = new BoundedMap(max);
  }

  remember(conversation: Conversation, provider: ProviderId): void {
    this.#machines.set(conversation.id, provider);
  }

  /** @returns the machine that may have the conversation in its cache; `undefined` for new and forgotten ones */
  of(conversation: Conversation): ProviderId | undefined {
    return conversation.continued ? this.#machines.get(conversation.id) : undefined;
  }
}
