import { BoundedMap } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import { CapacityRecord } from "./capacity-record.js";
import { FaultRecord, type RecordDeps } from "./fault-record.js";
import type { RecordedOutcome } from "./outcomes.js";
import type { Shape, Traits } from "./traits.js";

/** Lost connections remembered for each machine: requests that ran on them may be judged minutes later. */
const LOSSES_KEPT = 8;

/** A lost connection, which counts as one fault, or as none if our own network was to blame. */
export type Loss =
  | { readonly type: "fault"; readonly record: FaultRecord; readonly outcome: RecordedOutcome }
  | { readonly type: "taken_back" };

/** All records of one machine. */
export class MachineRecords {
  readonly faults: Map<string, Map<Shape, FaultRecord>> = new Map();
  readonly capacity: Map<string, CapacityRecord> = new Map();
  /** The records of `faults` that are not closed. Usually empty, which makes most checks cheap. */
  readonly unwell: Set<FaultRecord> = new Set();
  /** By the time at which the connection began. */
  readonly losses: BoundedMap<number, Loss> = new BoundedMap(LOSSES_KEPT);

  faultOf({ model, shape }: Traits): FaultRecord | undefined {
    return this.faults.get(model)?.get(shape);
  }
}

type Kept = FaultRecord | CapacityRecord;

/**
 * The records of all machines, by machine. Their number is bounded: the longest untouched is dropped first, and one
 * that holds something against its machine only when there is no other.
 */
export class BreakerRecords {
  readonly #deps: RecordDeps;
  readonly #machines = new Map<ProviderId, MachineRecords>();
  readonly #suspects = new Set<ProviderId>();
  /** The machine of each record; the longest untouched first. */
  readonly #closed = new Map<Kept, ProviderId>();
  readonly #open = new Map<Kept, ProviderId>();

  constructor(deps: RecordDeps) {
    this.#deps = deps;
  }

  /** Records kept now. */
  get size(): number {
    return this.#closed.size + this.#open.size;
  }

  /** Records that are not closed. */
  get open(): number {
    return this.#open.size;
  }

  machine(id: ProviderId): MachineRecords | undefined {
    return this.#machines.get(id);
  }

  /** Whether the machine has a record that is not closed, or one of refusals. Few machines do. */
  isSuspect(id: ProviderId): boolean {
    return this.#suspects.has(id);
  }

  /** Gets or makes a record of faults. */
  faults(id: ProviderId, traits: Traits): FaultRecord {
    const known = this.#machines.get(id)?.faultOf(traits);
    if (known !== undefined) return known;
    const record = new FaultRecord(this.#deps, traits);
    const machine = this.#add(id, record);
    const shapes = machine.faults.get(traits.model) ?? new Map<Shape, FaultRecord>();
    machine.faults.set(traits.model, shapes.set(traits.shape, record));
    return record;
  }

  /** Gets or makes a record of refusals. */
  capacity(id: ProviderId, traits: Traits): CapacityRecord {
    const known = this.#machines.get(id)?.capacity.get(traits.model);
    if (known !== undefined) return known;
    const record = new CapacityRecord(this.#deps, traits);
    this.#add(id, record).capacity.set(traits.model, record);
    this.#suspect(id);
    return record;
  }

  /** To be called after each change of a record, which makes it the youngest and sorts it in by its state. */
  touched(record: Kept): void {
    const id = this.#closed.get(record) ?? this.#open.get(record);
    if (id === undefined) return;
    this.#closed.delete(record);
    this.#open.delete(record);
    (record.isClosed ? this.#closed : this.#open).set(record, id);
    if (record instanceof CapacityRecord) return;
    const unwell = this.#machines.get(id)?.unwell;
    if (record.isClosed) unwell?.delete(record);
    else unwell?.add(record);
    this.#suspect(id);
  }

  /** Each record that holds something against its machine, the longest untouched first. */
  held(): IterableIterator<[Kept, ProviderId]> {
    return this.#open.entries();
  }

  /**
   * Forgets what is known of a machine.
   *
   * @param model of this model alone; absent = of all
   * @returns how many records are gone
   */
  forget(id: ProviderId, model?: string): number {
    const machine = this.#machines.get(id);
    if (machine === undefined) return 0;
    const faults = [...machine.faults.values()].flatMap((shapes) => [...shapes.values()]);
    const gone = [...faults, ...machine.capacity.values()].filter(
      (each) => model === undefined || each.model === model,
    );
    for (const record of gone) this.#drop(record, id);
    return gone.length;
  }

  #suspect(id: ProviderId): void {
    const machine = this.#machines.get(id);
    if (machine !== undefined && machine.unwell.size + machine.capacity.size > 0) this.#suspects.add(id);
    else this.#suspects.delete(id);
  }

  #add(id: ProviderId, record: Kept): MachineRecords {
    while (this.size > 0 && this.size >= this.#deps.settings().maxRecords) this.#dropOldest();
    this.#closed.set(record, id);
    const machine = this.#machines.get(id) ?? new MachineRecords();
    this.#machines.set(id, machine);
    return machine;
  }

  #dropOldest(): void {
    const from = this.#closed.size > 0 ? this.#closed : this.#open;
    const [record, id] = from.entries().next().value as [Kept, ProviderId];
    this.#drop(record, id);
  }

  #drop(record: Kept, id: ProviderId): void {
    this.#closed.delete(record);
    this.#open.delete(record);
    const machine = this.#machines.get(id) as MachineRecords;
    if (record instanceof CapacityRecord) {
      machine.capacity.delete(record.model);
    } else {
      machine.unwell.delete(record);
      const shapes = machine.faults.get(record.model);
      shapes?.delete(record.shape);
      if (shapes?.size === 0) machine.faults.delete(record.model);
    }
    if (machine.faults.size + machine.capacity.size === 0) this.#machines.delete(id);
    this.#suspect(id);
  }
}
