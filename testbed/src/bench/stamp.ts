/**
 * Microseconds of the machine's monotonic clock. Unlike `performance.now()` its zero is the same for every process
 * of one machine, so that one process can tell how long ago another wrote something.
 */
export function machineMicros(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}

/** The text of a paced chunk: the moment it was written. */
export function stamp(): string {
  return ` ${Math.round(machineMicros())}`;
}

/**
 * Microseconds since `stamp` made this text.
 *
 * @returns `NaN` for any other text
 */
export function ageOfStamp(text: string): number {
  return /^ \d+$/.test(text) ? machineMicros() - Number(text) : Number.NaN;
}
