import { HearthError } from "../platform/errors.js";

/**
 * Images travel inside the request: fetching an address would tell a stranger's server who asks, and from where.
 *
 * @param param where the address stands in the body
 * @throws HearthError `invalid_request` for anything but a data URI
 */
export function requireDataUri(url: unknown, param: string): void {
  if (typeof url === "string" && /^data:/i.test(url)) return;
  throw new HearthError(
    "invalid_request",
    `Invalid '${param}': images at remote addresses are not fetched; send the image itself as a data URI.`,
    { param },
  );
}
