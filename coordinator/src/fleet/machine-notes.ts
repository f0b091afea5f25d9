import { describeFault } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import { z } from "zod";
import { HearthError } from "../platform/errors.js";
import type { Logger } from "../platform/logger.js";
import type { DocumentStore } from "../store/document-store.js";

/** What the operator has said of a machine. */
export interface MachineNote {
  /** What he calls it; empty = nothing. */
  readonly label: string;
  readonly notes: string;
  /** It gets nothing new until it is resumed, whatever it says itself. */
  readonly drained: boolean;
}

const NO_NOTE: MachineNote = { label: "", notes: "", drained: false };

/** Machines of which something is said at most: each has a row, and all are read at the start. */
const MAX_NOTES = 10_000;
/** Where they are stored, a document each: two machines may be changed at once. */
const DOCUMENTS = "machine-note/";

const noteSchema = z.object({ label: z.string(), notes: z.string(), drained: z.boolean() });

export interface MachineNotesDeps {
  readonly log: Logger;
  readonly documents: DocumentStore;
  /** What is said of a machine has changed. */
  readonly changed: (id: ProviderId) => void;
  /** The same, said here: other coordinators have to know. Absent = there are none. */
  readonly told?: (id: ProviderId) => void;
}

/** What the operator has said of machines, by their stable ids; it outlives connections and restarts. */
export class MachineNotes {
  readonly #deps: MachineNotesDeps;
  readonly #notes = new Map<string, MachineNote>();

  private constructor(deps: MachineNotesDeps) {
    this.#deps = deps;
  }

  /** @throws what the store throws: to go on without it would give requests to machines that are set aside */
  static async open(deps: MachineNotesDeps): Promise<MachineNotes> {
    const all = new MachineNotes(deps);
    for (const [id, note] of await all.#stored()) all.#notes.set(id, note);
    return all;
  }

  /** Another coordinator has said something: as the store has it now. @throws StoreError */
  async reload(): Promise<void> {
    const stored = await this.#stored();
    for (const id of new Set([...stored.keys(), ...this.#notes.keys()])) {
      const note = stored.get(id);
      if (JSON.stringify(note) === JSON.stringify(this.#notes.get(id))) continue;
      if (note === undefined) this.#notes.delete(id);
      else this.#notes.set(id, note);
      this.#deps.changed(id as ProviderId);
    }
  }

  async #stored(): Promise<ReadonlyMap<string, MachineNote>> {
    const stored = new Map<string, MachineNote>();
    for (const { name, json } of await this.#deps.documents.list(DOCUMENTS)) {
      try {
        stored.set(name.slice(DOCUMENTS.length), noteSchema.parse(JSON.parse(json)));
      } catch (error) {
        this.#deps.log.warn({ name, fault: describeFault(error) }, "stored note on a machine not read");
      }
    }
    return stored;
  }

  of(id: ProviderId): MachineNote {
    return this.#notes.get(id) ?? NO_NOTE;
  }

  has(id: ProviderId): boolean {
    return this.#notes.has(id);
  }

  /** Says something else of a machine. What says nothing any more is forgotten. @throws HearthError, StoreError */
  async change(id: ProviderId, changes: Partial<MachineNote>): Promise<MachineNote> {
    const next: MachineNote = { ...this.of(id), ...changes };
    const isEmpty = next.label === "" && next.notes === "" && !next.drained;
    if (!isEmpty && !this.#notes.has(id) && this.#notes.size >= MAX_NOTES) {
      throw new HearthError("invalid_request", `There are notes on ${MAX_NOTES} machines already.`);
    }
    if (isEmpty) await this.#deps.documents.remove([DOCUMENTS + id]);
    else await this.#deps.documents.put(DOCUMENTS + id, JSON.stringify(next));
    if (isEmpty) this.#notes.delete(id);
    else this.#notes.set(id, next);
    this.#deps.changed(id);
    this.#deps.told?.(id);
    return next;
  }
}
