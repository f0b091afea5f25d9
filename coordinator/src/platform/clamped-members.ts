/** The counts of a usage that are held to what is possible, since a provider may report anything. */
export const CLAMPED_MEMBERS = ["prompt", "completion", "cached"] as const;

/** A count that exceeded what is possible. */
export type ClampedMember = (typeof CLAMPED_MEMBERS)[number];
