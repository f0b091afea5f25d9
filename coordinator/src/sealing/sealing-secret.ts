import { newSecret } from "@hearth/platform";

/** What every secret for sealing keys begins with. */
export const SEALING_SECRET_PREFIX = "hs-";

/** A secret that lives as long as this process: its keys are gone with it. */
export function newSealingSecret(): string {
  return newSecret(SEALING_SECRET_PREFIX);
}
