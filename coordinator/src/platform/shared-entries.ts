/** What coordinators of one fleet remember together for a while: small things, each under a name. */
export interface SharedEntries {
  /** Tells all others of it. @param value becomes JSON */
  put(name: string, value: unknown, expiresAtMs: number): void;
  /** Nobody is to know it any more. */
  remove(name: string): void;
  /** Hears what the others say, beginning with all that there is. */
  listen(listener: EntryListener): void;
}

export interface EntryListener {
  /** @param value as another coordinator has put it, to be read like anything that comes from outside */
  put(name: string, value: unknown, expiresAtMs: number): void;
  remove(name: string): void;
}

/** Tells all coordinators of something that has just happened, and hears it from the others. */
export interface SharedCounts {
  tell(key: string): void;
  listen(heard: (key: string) => void): void;
}
