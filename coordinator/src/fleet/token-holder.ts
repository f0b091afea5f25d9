/** The holder of a provider token. */
export interface TokenHolder {
  readonly account: string;
  /** The only machine that may use it; absent = any. */
  readonly identity?: string;
  /** The enrolment that issued it. Absent for tokens of the configuration file. */
  readonly enrolmentId?: string;
}
