/**
 * Names of what is in Redis. What is in braces decides where a Redis Cluster has it: all of a machine is in one place,
 * so that one script can read and write it.
 */
export class RedisKeys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Hash: which node has the machine, how it is, how many slots it has. */
  machine(provider: string): string {
    return `${this.#prefix}{${provider}}:machine`;
  }

  /** Sorted set: the leased slots of a model. */
  leases(provider: string, model: string): string {
    return `${this.#prefix}{${provider}}:leases:${model}`;
  }

  /** Hash: the machines that a node has, each with its epoch and its version. */
  machinesOf(node: string): string {
    return `${this.#prefix}{${node}}:machines`;
  }

  /** Channel: what has changed of a node's machines. */
  changesOf(node: string): string {
    return `${this.#prefix}{${node}}:changes`;
  }

  /** String: how a limit stands. */
  limit(name: string): string {
    return `${this.#prefix}{limit ${name}}`;
  }

  /** String that counts the news, and the channel on which they are told: in one place of a Redis Cluster. */
  get news(): { readonly count: string; readonly channel: string } {
    return { count: `${this.#prefix}{news}:count`, channel: `${this.#prefix}{news}` };
  }

  /** Hash: what all nodes have in memory, by name. */
  entries(kind: string): string {
    return `${this.#prefix}{entries}:${kind}`;
  }

  /** String: the node that does for all what only one does at a time. */
  turn(what: string): string {
    return `${this.#prefix}{turn ${what}}`;
  }

  /** What was used up: there until it may be used again. */
  used(what: string, id: string): string {
    return `${this.#prefix}{${what} ${id}}`;
  }
}
