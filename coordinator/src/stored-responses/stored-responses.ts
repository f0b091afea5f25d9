import type { SealedRecords } from "./memory-records.js";
import { RecordKey, secretIn } from "./record-key.js";

/** An item of a conversation, as the Responses API has them. */
export type StoredItem = Readonly<Record<string, unknown>>;

/** What is kept of an answer, so that the next request need not repeat it. */
export interface StoredResponse {
  /** As the consumer got it. */
  readonly response: Readonly<Record<string, unknown>> & {
    readonly id: string;
    readonly output: readonly StoredItem[];
  };
  /** What was asked, without what the response before it keeps. */
  readonly input: readonly StoredItem[];
  /** The response that it went on with. */
  readonly previousId?: string;
}

/** A response that is being made. */
interface Making {
  /** As its consumer knows it by now. */
  readonly response: StoredResponse["response"];
  /** Ends it; its consumer is told. */
  readonly cancel: () => void;
}

/** Responses in a row that are followed back; a longer conversation than any model's context holds. */
const MAX_CHAIN = 2_048;

/**
 * Answers that consumers may refer to for a while. Nothing of them can be read here without the id that its consumer
 * has: records are sealed under it.
 */
export class StoredResponses {
  readonly #records: SealedRecords;
  /** Those that are being made, by where they will be kept. */
  readonly #running = new Map<string, Making>();

  constructor(records: SealedRecords) {
    this.#records = records;
  }

  /** What one account may refer to. */
  of(account: string): AccountResponses {
    return new AccountResponses(account, this.#records, this.#running);
  }
}

/** Answers of one account's. Nobody finds another's, whatever id they have. */
export class AccountResponses {
  readonly #account: string;
  readonly #records: SealedRecords;
  readonly #running: Map<string, Making>;

  constructor(account: string, records: SealedRecords, running: Map<string, Making>) {
    this.#account = account;
    this.#records = records;
    this.#running = running;
  }

  async keep(stored: StoredResponse): Promise<void> {
    const key = this.#keyOf(stored.response.id);
    if (key === undefined) return;
    await this.#records.put(key.index, key.seal(Buffer.from(JSON.stringify(stored))), this.#account);
  }

  /** @param id of the response, or of one of its items @returns `undefined` for what is not kept, or another's */
  async find(id: string): Promise<StoredResponse | undefined> {
    const key = this.#keyOf(id);
    const sealed = key && (await this.#records.get(key.index));
    const plaintext = sealed && key.open(sealed);
    return plaintext === undefined ? undefined : (JSON.parse(plaintext.toString("utf8")) as StoredResponse);
  }

  /** @returns whether there was anything to forget */
  async forget(id: string): Promise<boolean> {
    const key = this.#keyOf(id);
    return key !== undefined && (await this.#records.delete(key.index));
  }

  /**
   * The whole conversation up to and with a response.
   *
   * @returns `undefined` when the response, or one that it goes on with, is not kept any more
   */
  async conversation(id: string): Promise<readonly StoredItem[] | undefined> {
    const turns: (readonly StoredItem[])[] = [];
    let next: string | undefined = id;
    for (let hops = 0; next !== undefined; hops++) {
      const stored: StoredResponse | undefined = hops < MAX_CHAIN ? await this.find(next) : undefined;
      if (stored === undefined) return undefined;
      turns.push([...stored.input, ...stored.response.output]);
      next = stored.previousId;
    }
    return turns.toReversed().flat();
  }

  /** The item of this id. */
  async item(id: string): Promise<StoredItem | undefined> {
    const stored = await this.find(id);
    return stored?.response.output.find((item) => item["id"] === id);
  }

  /** A response is being made, until this is disposed of. */
  making(making: Making): Disposable {
    const { id } = making.response;
    const index = this.#keyOf(id)?.index ?? id;
    this.#running.set(index, making);
    return {
      [Symbol.dispose]: () => {
        this.#running.delete(index);
      },
    };
  }

  /** @returns the response as it was until then; `undefined` where none was being made */
  cancel(id: string): StoredResponse["response"] | undefined {
    const making = this.#running.get(this.#keyOf(id)?.index ?? "");
    making?.cancel();
    return making?.response;
  }

  #keyOf(id: string): RecordKey | undefined {
    const secret = secretIn(id);
    return secret === undefined ? undefined : new RecordKey(secret, this.#account);
  }
}
