const WHOLE = new Intl.NumberFormat("en");
const ONE_DIGIT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** What stands where nothing is known. */
export const NOTHING = "–";

type Known = number | null | undefined;

export const wholeText = (value: Known): string => (value == null ? NOTHING : WHOLE.format(value));
export const rateText = (value: Known): string => (value == null ? NOTHING : ONE_DIGIT.format(value));
export const shortText = (value: Known): string => (value == null ? NOTHING : SHORT.format(value));
export const percentText = (share: Known): string => (share == null ? NOTHING : `${Math.round(share * 100)} %`);

/** Micro-USD as dollars: cents where they say something, else down to the last millionth. */
export function usdText(microUsd: number | string | null | undefined): string {
  if (microUsd == null) return NOTHING;
  const micro = Number(microUsd);
  const size = Math.abs(micro);
  const digits = size === 0 || size >= 1e6 ? 2 : size >= 1_000 ? 4 : 6;
  const text = (size / 1e6).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: digits });
  return `${micro < 0 ? "−" : ""}$${text}`;
}

/** Dollars that somebody typed as micro-USD; `undefined` for what is no amount. */
export function microUsdOf(text: string): number | undefined {
  const match = /^\s*\$?\s*(\d{1,9})(?:\.(\d{1,6}))?\s*$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? "").padEnd(6, "0"));
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(bytes: Known): string {
  if (bytes == null) return NOTHING;
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${ONE_DIGIT.format(bytes / 1024 ** step)} ${UNITS[step]}`;
}
