/** Models of the fleet: each machine serves one. */
export const MODELS = 200;
/** Machines of one owner: some way below what one account may have connected at once. */
const PER_ACCOUNT = 500;
/** A fleet's first registration is spread over as many seconds as there are so many machines. */
const FIRST_PER_SECOND = 250;
/** Descriptors of a program beside its connections to machines. */
const OTHER_DESCRIPTORS = 128;

export const accountOf = (index: number): string => `owner-${Math.floor(index / PER_ACCOUNT)}`;

/** An address of its own for each machine, of 10.0.0.0/8. */
export function addressOf(index: number): string {
  return `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
}

/** Over how long the machines connect for the first time, ms. */
export const firstDialsMs = (machines: number): number => (machines / FIRST_PER_SECOND) * 1_000;

/**
 * Whether a program may have enough files open to be connected to so many machines.
 *
 * @param limit of open files, as the system has it
 * @throws Error that says what to do about it
 */
export function requireDescriptors(machines: number, limit: number): void {
  const needed = machines + OTHER_DESCRIPTORS;
  if (limit >= needed) return;
  throw new Error(
    `${machines} providers need ${needed} open files, and this shell allows ${limit}: run 'ulimit -n ${needed}' in it first (where that is refused, raise the hard limit: LimitNOFILE of systemd, nofile in /etc/security/limits.conf), or measure fewer with --providers ${Math.max(1, limit - OTHER_DESCRIPTORS)}`,
  );
}
