/** A chat template that a model ships. */
export interface ChatTemplate {
  /** `default`, or the name of a variant like `tool_use`. */
  readonly name: string;
  /** The file, or the metadata key, that holds it. */
  readonly origin: string;
  readonly source: string;
}

/** All that a model ships for rendering. */
export interface ChatTemplates {
  /** The one that is used comes first. */
  readonly templates: readonly ChatTemplate[];
  /** `bos_token`, `eos_token` and so on, as far as the model has them. */
  readonly specialTokens: Readonly<Record<string, string>>;
  /** What could not be read, a sentence each. */
  readonly problems: readonly string[];
}

/** The name of the template that is used when nobody asks for another. */
export const DEFAULT_TEMPLATE = "default";

/** Characters of a template that are believed to be one; the largest in common use have some 20,000. */
export const MAX_TEMPLATE_CHARS: number = 512 * 1024;
/** More variants than this are not looked at. */
export const MAX_TEMPLATES = 16;
