/** A function as V8's profiles name it (Chrome DevTools protocol, `Runtime.CallFrame`). */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0. */
  readonly lineNumber: number;
}

/** What a function is called in tables. */
export function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  return url === "" ? name : `${name} ${shortUrl(url)}:${lineNumber + 1}`;
}

/** The file or package of a function. V8's own entries, such as (garbage collector) and (program), stand for themselves. */
export function moduleOf({ functionName, url }: CallFrame): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "(native)";
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(shortUrl(url))?.[1];
  return found ?? shortUrl(url);
}

/** The path within the repository, or within the innermost node_modules. */
function shortUrl(url: string): string {
  const at = url.lastIndexOf("/node_modules/");
  if (at >= 0) return url.slice(at + 1);
  return url.replace(/^file:\/\/.*\/([^/]+\/(?:dist|src)\/)/, "$1");
}
