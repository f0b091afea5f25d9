/** WebSocket subprotocol that both sides must agree on before any frame is sent. */
export const SUBPROTOCOL = "hearth.v2";

/** An inclusive range of wire versions. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** The wire versions this package speaks. Additive changes do not raise `max`; only a change of meaning does. */
export const SUPPORTED_VERSIONS: VersionRange = { min: 2, max: 2 };

/**
 * The highest version both ranges contain.
 *
 * @returns the version, or `undefined` when the ranges do not meet
 */
export function negotiateVersion(
  offered: VersionRange,
  supported: VersionRange = SUPPORTED_VERSIONS,
): number | undefined {
  const version = Math.min(offered.max, supported.max);
  return version >= Math.max(offered.min, supported.min) ? version : undefined;
}
