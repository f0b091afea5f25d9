import type { IncomingMessage } from "node:http";

/**
 * Where a request comes from, for limits by address and for people's eyes.
 *
 * @param proxies how many proxies of the operator's stand in front, each of which adds the address that it sees to
 * `X-Forwarded-For`; what stands in that header before theirs is the sender's own claim, and is not looked at
 */
export function clientAddress(incoming: Pick<IncomingMessage, "headers" | "socket">, proxies: number): string {
  const { remoteAddress = "" } = incoming.socket;
  const forwarded = proxies === 0 ? [] : [incoming.headers["x-forwarded-for"] ?? []].flat().join(",").split(",");
  const hops = [...forwarded.map((each) => each.trim()).filter((each) => each !== ""), remoteAddress];
  const address = hops.at(-1 - proxies) ?? hops[0] ?? "";
  // A socket that listens to IPv6 shows IPv4 addresses in this form.
  return address.slice(0, 64).replace(/^::ffff:(?=\d+\.)/i, "");
}
