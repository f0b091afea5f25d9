/**
 * The middle value; of an even count, the mean of the two middle ones.
 *
 * @throws RangeError for no values
 */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/**
 * Nearest-rank percentile: the smallest value that at least `fraction` of all values do not exceed.
 *
 * @param fraction 0 (the smallest value) to 1 (the largest)
 * @throws RangeError for no values
 */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = ascending(values);
  const rank = Math.ceil(fraction * sorted.length);
  return sorted[Math.max(0, rank - 1)] as number;
}

/** A sample of something that changes with `x`. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Slope of the least-squares line, in units of y per unit of x.
 *
 * @throws RangeError for fewer than two different `x`
 */
export function slope(points: readonly Point[]): number {
  const meanX = mean(points.map((point) => point.x));
  const meanY = mean(points.map((point) => point.y));
  let covariance = 0;
  let variance = 0;
  for (const { x, y } of points) {
    covariance += (x - meanX) * (y - meanY);
    variance += (x - meanX) ** 2;
  }
  if (!(variance > 0)) throw new RangeError("a slope needs two different x");
  return covariance / variance;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ascending(values: readonly number[]): Float64Array {
  if (values.length === 0) throw new RangeError("no values");
  return Float64Array.from(values).sort();
}
