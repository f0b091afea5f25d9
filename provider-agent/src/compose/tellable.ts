import { type ModelAdvert, modelSchema, type Slot, slotSchema } from "@hearth/protocol";

// A coordinator closes the connection over one figure that the protocol does not know, and would do so again each time.
// Backends count and measure as they like: what makes no sense is left out of what is said of them.

type Shape = Readonly<Record<string, { safeParse(value: unknown): { readonly success: boolean } }>>;

/** A model without what the protocol cannot carry of it. */
export function tellableModel(model: ModelAdvert): ModelAdvert {
  return within(modelSchema.shape, model);
}

/** A slot without what the protocol cannot carry of it; its counts, which may not be missing, are mended. */
export function tellableSlot(slot: Slot): Slot {
  return within(slotSchema.shape, { ...slot, running: countOf(slot.running), queued: countOf(slot.queued) });
}

function within<T extends object>(shape: Shape, value: T): T {
  const known = Object.entries(value).filter(([key, each]) => shape[key]?.safeParse(each).success === true);
  return Object.fromEntries(known) as T;
}

function countOf(value: number): number {
  return Number.isNaN(value) ? 0 : Math.round(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, value)));
}
