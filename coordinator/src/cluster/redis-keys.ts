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
}
