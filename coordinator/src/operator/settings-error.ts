import { ConfigError } from "../config.js";

/** One thing that is wrong with the operator's settings. */
export interface Problem {
  /** Where, as `dispatch.patience_ms`; empty = the whole. */
  readonly path: string;
  /** In words for him. */
  readonly message: string;
}

/** Settings that are not valid, with every problem at once. */
export class SettingsError extends ConfigError {
  readonly faults: readonly Problem[];

  /** @param file where they stand, to be named with each problem; absent = nowhere yet */
  constructor(faults: readonly Problem[], file?: string) {
    super(faults.map(({ path, message }) => [file, path, message].filter(Boolean).join(": ")));
    this.name = "SettingsError";
    this.faults = faults;
  }
}
