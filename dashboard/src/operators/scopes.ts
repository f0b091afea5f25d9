/** What an operator may let a key do. */
export const EVERY_SCOPE = ["inference", "provider", "read", "admin"] as const;
