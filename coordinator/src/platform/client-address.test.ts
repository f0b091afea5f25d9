import { expect, it } from "vitest";
import { clientAddress } from "./client-address.js";

const from = (remoteAddress: string, forwarded?: string | string[]) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded } }) as never;

it.each([
  [
    "the socket's other end where there is no proxy, whatever a header claims",
    from("192.0.2.1", "10.0.0.1"),
    0,
    "192.0.2.1",
  ],
  ["what the one proxy saw", from("10.0.0.1", "198.51.100.7, 192.0.2.1"), 1, "192.0.2.1"],
  ["what the outer of two proxies saw", from("10.0.0.1", ["198.51.100.7, 192.0.2.1", "10.0.0.2"]), 2, "192.0.2.1"],
  ["the nearest that is known where a proxy added nothing", from("10.0.0.1"), 1, "10.0.0.1"],
  ["an IPv4 address in its own form", from("::ffff:192.0.2.1"), 0, "192.0.2.1"],
])("a client's address is %s", (_name, incoming, proxies, address) => {
  expect(clientAddress(incoming, proxies)).toBe(address);
});
