/** CPU time that each figure is taken over, µs. */
const MEASURED_MICROS = 400_000;
const WARM_UP_MICROS = 150_000;
/** Runs between two looks at the clock: one alone would measure the clock. */
const BATCH = 64;

/**
 * µs of this process's CPU for one run.
 *
 * @param quick takes the figure over a quarter of the time
 */
export function cpuOf(run: () => void, quick = false): number {
  spend(run, WARM_UP_MICROS);
  return spend(run, quick ? MEASURED_MICROS / 4 : MEASURED_MICROS);
}

/**
 * The least of many batches, µs for one run: what else the machine does, and what is compiled meanwhile, only adds.
 *
 * @param runs in a batch
 */
export function leastCpuOf(run: () => void, runs: number, batches: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < batches; batch += 1) {
    const before = process.cpuUsage();
    for (let index = 0; index < runs; index += 1) run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / runs);
  }
  return least;
}

/** The same for what is done in several turns. */
export async function cpuOfAsync(run: () => Promise<void>): Promise<number> {
  await spendAsync(run, WARM_UP_MICROS);
  return spendAsync(run, MEASURED_MICROS);
}

async function spendAsync(run: () => Promise<void>, atLeastMicros: number): Promise<number> {
  let micros = 0;
  let times = 0;
  while (micros < atLeastMicros) {
    const before = process.cpuUsage();
    for (let index = 0; index < BATCH; index += 1) await run();
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    times += BATCH;
  }
  return micros / times;
}

function spend(run: () => void, atLeastMicros: number): number {
  let micros = 0;
  let times = 0;
  while (micros < atLeastMicros) {
    const before = process.cpuUsage();
    for (let index = 0; index < BATCH; index += 1) run();
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    times += BATCH;
  }
  return micros / times;
}
