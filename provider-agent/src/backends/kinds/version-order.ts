/** Whether a version like `0.14.0-rc1` is this one or a later one; an unknown version is not. */
export function isAtLeast(version: string | undefined, least: string): boolean {
  const have = numbersOf(version);
  const want = numbersOf(least);
  if (have === undefined || want === undefined) return false;
  for (let i = 0; i < 3; i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbersOf(version: string | undefined): readonly number[] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version ?? "");
  return match === null ? undefined : match.slice(1).map(Number);
}
