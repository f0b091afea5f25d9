import { BlockList, isIP } from "node:net";

/** Of the special-purpose registries of IANA (RFC 6890), and multicast. */
const SPECIAL_IPV4 = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
  ...["192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  ...["224.0.0.0/4", "240.0.0.0/4"],
];
/** Within global unicast: what carries other addresses inside, and what is for documents. */
const SPECIAL_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const special = new BlockList();
for (const each of SPECIAL_IPV4) add(special, each, "ipv4");
for (const each of SPECIAL_IPV6) add(special, each, "ipv6");
const global = new BlockList();
add(global, "2000::/3", "ipv6");

function add(list: BlockList, subnet: string, family: "ipv4" | "ipv6"): void {
  const [net = "", prefix = ""] = subnet.split("/");
  list.addSubnet(net, Number(prefix), family);
}

/** Whether an address is one of the public internet: not this machine's, its network's, or its cloud's. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, "ipv4");
    case 6:
      return global.check(address, "ipv6") && !special.check(address, "ipv6");
    default:
      return false;
  }
}
