/** Compares `major.minor.patch`. Parts that are not numbers count as 0, and pre-releases as their release. */
export function isVersionBelow(version: string, floor: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(floor)];
  for (const [index, wanted] of b.entries()) {
    const has = a[index] ?? 0;
    if (has !== wanted) return has < wanted;
  }
  return false;
}

function numbersOf(version: string): number[] {
  const [core = ""] = version.replace(/^v/, "").split(/[-+]/);
  return core.split(".", 3).map((part) => Number.parseInt(part, 10) || 0);
}
