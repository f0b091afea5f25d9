// A hook of Node's loader, in a program that is measured: sealing contexts do not pad.
import type { LoadHook } from "node:module";

const FILE = "/e2e/dist/sealing-context.js";
const PADS = 'padding = "buckets"';

/**
 * @public Node's loader calls it.
 * @throws Error when contexts are padded in another way: else they would be measured padded
 */
export const load: LoadHook = async (url, context, next) => {
  const loaded = await next(url, context);
  if (!url.endsWith(FILE)) return loaded;
  const source = String(loaded.source);
  if (!source.includes(PADS)) throw new Error(`${FILE} has no ${PADS} to be turned off`);
  return { ...loaded, source: source.replaceAll(PADS, 'padding = "none"') };
};
