/** Whom a provider token stands for. */
export interface TokenHolder {
  readonly account: string;
  /** The only machine that may use it; absent = any. */
  readonly identity?: string;
  /** The enrolment that gave it out; absent for the tokens of the configuration. */
  readonly enrolmentId?: string;
}
