import { newSecret } from "@hearth/platform";

/** Prefix of secrets for sealing keys. */
export const SEALING_SECRET_PREFIX = "hs-";

/** A new secret. If it is not stored, its keys end with this process. */
export function newSealingSecret(): string {
  return newSecret(SEALING_SECRET_PREFIX);
}
