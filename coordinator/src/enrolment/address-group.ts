/**
 * Whose guesses and open codes are counted together: an IPv4 address, or the /64 of an IPv6 one, within which one
 * party has any number of addresses.
 */
export function addressGroup(address: string): string {
  const bare = address.split("%", 1)[0] ?? "";
  if (!bare.includes(":")) return bare;
  const [head = "", tail] = bare.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
