import type { IncomingMessage } from "node:http";

/**
 * The address that a request comes from, for limits and for display.
 *
 * @param proxies number of the operator's proxies in front, each of which appends the address that it sees to
 * `X-Forwarded-For`; entries before theirs are the sender's own claims and are ignored
 */
export function clientAddress(incoming: Pick<IncomingMessage, "headers" | "socket">, proxies: number): string {
  const { remoteAddress = "" } = incoming.socket;
  const forwarded = proxies === 0 ? [] : [incoming.headers["x-forwarded-for"] ?? []].flat().join(",").split(",");
  const hops = [...forwarded.map((each) => each.trim()).filter((each) => each !== ""), remoteAddress];
  const address = hops.at(-1 - proxies) ?? hops[0] ?? "";
  // A socket that listens to IPv6 shows IPv4 addresses in this form.
  return address.slice(0, 64).replace(/^::ffff:(?=\d+\.)/i, "");
}
