/** The counts of a usage that are held to what can be: a provider may say what it likes. */
export const CLAMPED_MEMBERS = ["prompt", "completion", "cached"] as const;

/** A count that was more than can be. */
export type ClampedMember = (typeof CLAMPED_MEMBERS)[number];
