import { randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  BatchVerifier,
  type EntryText,
  entryOf,
  entryText,
  type IdentitySigner,
  issueReceiptBatch,
  newSoftwareKey,
  type ReceiptFacts,
  receiptEntry,
  softwareSigner,
  type Verifier,
  verifierOf,
} from "@hearth/attestation";
import { mainThreadMicros } from "./cpu.js";
import type { Checked, CheckJob } from "./receipt-thread.js";
import { figure, markdownTable } from "./table.js";

const RECEIPTS = 6_400;
const ROUNDS = 5;
/** Receipts that may be with the thread at once. */
const AT_ONCE = 256;
const SIZES = [1, 4, 16, 64];

/**
 * Prints what the check of a receipt costs in the event loop's own thread, and in one beside it that is sent the receipts
 * of a turn together, as the receipts of a batch come: the least of some rounds, µs of CPU.
 */
export async function benchReceiptThreads(facts: ReceiptFacts, print: (text: string) => void): Promise<void> {
  const thread = new Worker(new URL("./receipt-thread.js", import.meta.url));
  const rows: (readonly string[])[] = [];
  for (const size of SIZES) {
    const given = await Given.of(facts, size);
    const here = await leastOf(() => given.checkHere());
    const there = await leastOf(() => given.checkIn(thread));
    rows.push([String(size), ...[here.all, there.main, there.all].map((micros) => figure(micros, 1))]);
  }
  await thread.terminate();
  print(markdownTable(["receipts a batch", "CPU µs a receipt", "thread: of the loop", "thread: in all"], rows));
}

/** Batches of one machine, as they come. */
class Given {
  readonly #signer: IdentitySigner;
  readonly #batches: readonly (readonly EntryText[])[];
  readonly #requestId: string;

  private constructor(signer: IdentitySigner, batches: readonly (readonly EntryText[])[], requestId: string) {
    this.#signer = signer;
    this.#batches = batches;
    this.#requestId = requestId;
  }

  static async of(facts: ReceiptFacts, size: number): Promise<Given> {
    const signer = softwareSigner(newSoftwareKey());
    const batches: (readonly EntryText[])[] = [];
    for (let at = 0; at < RECEIPTS; at += size) {
      const entries = Array.from({ length: size }, () => receiptEntry(facts, randomBytes(16)));
      batches.push((await issueReceiptBatch(signer, entries, facts.issued_at_ms)).map(entryText));
    }
    return new Given(signer, batches, facts.request_id);
  }

  async checkHere(): Promise<void> {
    const verifier = new BatchVerifier(verifierOf(this.#signer.publicKey) as Verifier);
    for (const batch of this.#batches) {
      for (const text of batch) {
        const verdict = verifier.verify(entryOf(text));
        if (verdict.type !== "ok" || verdict.value.request_id !== this.#requestId) throw new Error("it does not hold");
      }
      await turn();
    }
  }

  async checkIn(thread: Worker): Promise<void> {
    const key = Buffer.from(this.#signer.publicKey).toString("base64url");
    const waiting = new Set<number>();
    let heard = (): void => {};
    const hear = (checked: Checked): void => {
      for (const [id, holds] of checked) if (!holds || !waiting.delete(id)) throw new Error("it does not hold");
      heard();
    };
    const fewer = (than: number): Promise<void> =>
      new Promise((resolve) => {
        heard = () => void (waiting.size < than && resolve());
        heard();
      });
    thread.on("message", hear);
    let id = 0;
    for (const batch of this.#batches) {
      const jobs = batch.map((text): CheckJob => ({ id: id++, key, text, requestId: this.#requestId }));
      for (const job of jobs) waiting.add(job.id);
      thread.postMessage(jobs);
      await turn();
      await fewer(AT_ONCE);
    }
    await fewer(1);
    thread.off("message", hear);
  }
}

async function leastOf(run: () => Promise<void>): Promise<{ readonly main: number; readonly all: number }> {
  await run();
  let [main, all] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [before, mainBefore] = [process.cpuUsage(), mainThreadMicros()];
    await run();
    const { user, system } = process.cpuUsage(before);
    all = Math.min(all, (user + system) / RECEIPTS);
    main = Math.min(main, (mainThreadMicros() - mainBefore) / RECEIPTS);
  }
  return { main, all };
}
