/** A `{% … %}` or `{{ … }}` of a template's source. */
export interface TemplateTag {
  readonly type: "statement" | "expression";
  readonly start: number;
  readonly end: number;
  /** The line on which it begins, from 1. */
  readonly line: number;
}

/** The name of the function that a marked template calls with each line it comes to. */
export const LINE_MARK = "hearth_line";

// The renderer takes these out before it looks for tags.
const GENERATION = /^\{%-?\s*(?:end)?generation\s*-?%\}$/;
const ELIF = /^\{%-?\s*elif\b([\s\S]*?)-?%\}$/;

/** Finds the tags of a template; a tag without an end reaches to the template's own. Comments hold none. */
export function scanTags(source: string): TemplateTag[] {
  const tags: TemplateTag[] = [];
  let [line, counted] = [1, 0];
  for (let at = source.indexOf("{"); at !== -1; at = source.indexOf("{", at)) {
    const second = source[at + 1];
    if (second === "#") {
      at = endOf(source.indexOf("#}", at + 2), source);
    } else if (second === "%" || second === "{") {
      line += newlines(source, counted, at);
      counted = at;
      const end = tagEnd(source, at);
      const type = second === "%" ? "statement" : "expression";
      if (!GENERATION.test(source.slice(at, end))) tags.push({ type, start: at, end, line });
      at = end;
    } else {
      at += 1;
    }
  }
  return tags;
}

/**
 * The same template, that also calls {@link LINE_MARK} with the line of each tag before it does what the tag says. The
 * marks spoil white space: such a template serves to find out where rendering ends, not to render.
 */
export function markLines(source: string): string {
  let marked = "";
  let copied = 0;
  for (const { start, end, line } of scanTags(source)) {
    const tag = source.slice(start, end);
    const elif = ELIF.exec(tag);
    // A mark before `elif` would belong to the branch above it, and run only with that.
    const text =
      elif === null ? `{{ ${LINE_MARK}(${line}) }}${tag}` : `{% elif ${LINE_MARK}(${line}) or (${elif[1]}) %}`;
    marked += source.slice(copied, start) + text;
    copied = end;
  }
  return marked + source.slice(copied);
}

/** Where the tag that starts at `start` ends: text in quotes ends none, nor do the braces of an object. */
function tagEnd(source: string, start: number): number {
  const close = source[start + 1] === "%" ? "%}" : "}}";
  let depth = 0;
  for (let at = start + 2; at < source.length; at += 1) {
    const char = source[at];
    if (char === "'" || char === '"') at = quoteEnd(source, at);
    else if (depth === 0 && source.startsWith(close, at)) return at + 2;
    else if (char === "{") depth += 1;
    else if (char === "}") depth -= 1;
  }
  return source.length;
}

/** The index of the quote that ends the text which begins at `start`. */
function quoteEnd(source: string, start: number): number {
  const quote = source[start];
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === quote) return at;
  }
  return source.length;
}

function endOf(at: number, source: string): number {
  return at === -1 ? source.length : at + 2;
}

function newlines(source: string, from: number, to: number): number {
  let count = 0;
  for (let at = source.indexOf("\n", from); at !== -1 && at < to; at = source.indexOf("\n", at + 1)) count += 1;
  return count;
}
