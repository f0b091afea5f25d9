/**
 * Where a text shows in bytes: as it is, in UTF-16, in hexadecimal, or in base64 wherever in the encoded data it began.
 *
 * @param text long enough that chance does not write it: 12 characters or more
 * @returns the forms found, by name
 */
export function tracesOf(text: string, bytes: Buffer): string[] {
  return formsOf(text)
    .filter(([, form]) => bytes.includes(form))
    .map(([name]) => name);
}

function formsOf(text: string): (readonly [name: string, form: Buffer])[] {
  const plain = Buffer.from(text);
  if (plain.length < 12) throw new Error("too short to look for");
  const hex = plain.toString("hex");
  const forms: (readonly [string, Buffer])[] = [
    ["plain", plain],
    ["utf-16", Buffer.from(text, "utf16le")],
    ["hex", Buffer.from(hex)],
    ["hex", Buffer.from(hex.toUpperCase())],
  ];
  for (const before of [0, 1, 2]) {
    // Only the groups of four characters that hold nothing but bytes of the text.
    const shifted = Buffer.concat([Buffer.alloc(before), plain]);
    const whole = shifted.subarray(before === 0 ? 0 : 3, shifted.length - (shifted.length % 3));
    forms.push(["base64", Buffer.from(whole.toString("base64"))]);
    forms.push(["base64url", Buffer.from(whole.toString("base64url"))]);
  }
  return forms;
}
