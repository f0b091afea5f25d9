import type { ModelAdvert } from "@hearth/protocol";
import { BIT, type GateSet } from "./gate-set.js";
import { SOON } from "./ladder.js";
import type { Subject } from "./subject.js";

type Capabilities = ModelAdvert["capabilities"];

/** What the providers of a model say about it. */
export interface ModelFacts {
  /** The longest context of any machine, tokens; `undefined` = no machine says. */
  readonly contextLength: number | undefined;
  /** `true`: at least one machine has it. `false`: all machines say that they do not. Absent: else. */
  readonly capabilities: Capabilities;
  readonly chats: boolean;
  /** As backends call them, sorted. */
  readonly quantizations: readonly string[];
}

/** Quantisations of one model that are listed at most. */
const MAX_QUANTIZATIONS = 16;

const CAPABILITIES = ["tools", "vision", "embeddings", "structured_output", "logprobs", "reasoning"] as const;

/** Gates that open again by themselves. With any other gate against it, what a machine says of a model is left out. */
const PASSING: GateSet = SOON | BIT.error_cooldown | BIT.capacity_cooldown | BIT.slot_crashed | BIT.no_encryption_key;

/** The sum of what the machines of one model offer. */
export class Offer {
  /** Connected machines. */
  providers = 0;
  /** Those of them that have the model in memory and may serve now or soon. */
  warm = 0;
  /** How many requests would be served at once. */
  freeSlots = 0;
  /** The distinct sets of gates against its machines; 0 = a machine may serve now. */
  readonly gates: GateSet[] = [];
  readonly #able = new Facts();
  readonly #all = new Facts();

  /** Adds a machine, with the gates that are against it for a plain request. */
  add(subject: Subject, gates: GateSet): void {
    this.#addGates(gates);
    if (subject.provider.status === "offline") return;
    this.providers += 1;
    this.#all.add(subject);
    if ((gates & ~PASSING) !== 0) return;
    this.#able.add(subject);
    const state = subject.slot?.state;
    if (state === "running" || state === "idle") this.warm += 1;
    if (gates === 0) this.freeSlots += Math.max(0, subject.concurrency - subject.load);
  }

  /** Adds another offer: that of the caller's own machines, or of another build of an alias. */
  addAll(other: Offer): void {
    this.providers += other.providers;
    this.warm += other.warm;
    this.freeSlots += other.freeSlots;
    for (const gates of other.gates) this.#addGates(gates);
    this.#able.addAll(other.#able);
    this.#all.addAll(other.#all);
  }

  #addGates(gates: GateSet): void {
    if (!this.gates.includes(gates)) this.gates.push(gates);
  }

  /** From the machines that may serve now or soon; if there are none, from all. */
  get facts(): ModelFacts {
    return this.#able.isEmpty ? this.#all : this.#able;
  }
}

class Facts implements ModelFacts {
  contextLength: number | undefined;
  chats = false;
  readonly #quantizations: string[] = [];
  #machines = 0;
  /** Capabilities that at least one machine has, as bits. */
  #yes = 0;
  /** Capabilities that all machines say they lack. */
  #no = ~0;

  get isEmpty(): boolean {
    return this.#machines === 0;
  }

  add({ advert, chats }: Subject): void {
    if (advert === undefined) return;
    const { context_length: context, capabilities, quantization } = advert;
    this.#machines += 1;
    this.chats ||= chats;
    this.#addContext(context);
    if (quantization !== undefined) this.#addQuantization(quantization);
    this.#yes |= bitsOf(capabilities, true);
    this.#no &= bitsOf(capabilities, false);
  }

  addAll(other: Facts): void {
    this.#machines += other.#machines;
    this.chats ||= other.chats;
    this.#addContext(other.contextLength);
    for (const each of other.#quantizations) this.#addQuantization(each);
    this.#yes |= other.#yes;
    this.#no &= other.#no;
  }

  get quantizations(): readonly string[] {
    return [...this.#quantizations].sort();
  }

  get capabilities(): Capabilities {
    const said: Capabilities = {};
    if (this.isEmpty) return said;
    CAPABILITIES.forEach((name, i) => {
      if ((this.#yes & (1 << i)) !== 0) said[name] = true;
      else if ((this.#no & (1 << i)) !== 0) said[name] = false;
    });
    return said;
  }

  #addContext(context: number | undefined): void {
    if (context !== undefined) this.contextLength = Math.max(this.contextLength ?? 0, context);
  }

  #addQuantization(quantization: string): void {
    const all = this.#quantizations;
    if (all.length < MAX_QUANTIZATIONS && !all.includes(quantization)) all.push(quantization);
  }
}

/** The capabilities with this value, as bits. */
function bitsOf(capabilities: Capabilities, said: boolean): number {
  let bits = 0;
  for (let i = 0; i < CAPABILITIES.length; i++) {
    if (capabilities[CAPABILITIES[i] as (typeof CAPABILITIES)[number]] === said) bits |= 1 << i;
  }
  return bits;
}
