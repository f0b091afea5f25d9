import { EventFeed } from "./event-feed.js";
import type { MachineNow } from "./types.js";

export interface LiveFleet {
  /** Whether changes are told as they happen. */
  readonly isLive: boolean;
  /** Grows whenever the list has to be asked for anew: what was told so far is not all. */
  readonly epoch: number;
  /** What has changed since the list was asked for, by machine; `null` = it is gone. */
  readonly changes: ReadonlyMap<string, MachineNow | null>;
}

const NOTHING_YET: LiveFleet = { isLive: false, epoch: 0, changes: new Map() };

interface FleetEvent {
  readonly machines: readonly MachineNow[];
  readonly gone: readonly string[];
}

/** How machines change, as long as a page looks. */
export class LiveFleetFeed extends EventFeed<LiveFleet> {
  constructor() {
    super("/admin/live/fleet", NOTHING_YET);
  }

  protected override take(event: string, data: string): void {
    const { epoch, changes } = this.snapshot();
    if (event === "ready") this.change({ isLive: true, epoch: epoch + 1, changes: new Map() });
    else if (event === "fleet") {
      const { machines, gone } = JSON.parse(data) as FleetEvent;
      const next = new Map(changes);
      for (const machine of machines) next.set(machine.id, machine);
      for (const id of gone) next.set(id, null);
      this.change({ changes: next });
    }
  }

  protected override lost(): void {
    this.change({ isLive: false });
  }

  protected override left(): void {
    this.change({ ...NOTHING_YET, epoch: this.snapshot().epoch });
  }
}
