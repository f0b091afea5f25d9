/** The GGUF files of one model. */
export interface GgufGroup {
  /** The file's name without ending and part. */
  readonly name: string;
  /** In the order of the parts. */
  readonly files: readonly string[];
  /** Parts that its name promises and that are not here. */
  readonly missing: number;
}

const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
/** llama.cpp and LM Studio know projectors by this part of their names. */
const PROJECTOR = /mmproj/i;

/** Puts the GGUF files of a folder together: parts to a model, and projectors apart. */
export function groupGgufFiles(names: readonly string[]): {
  readonly models: GgufGroup[];
  readonly projectors: string[];
} {
  const files = names.filter((name) => /\.gguf$/i.test(name)).sort();
  const parts = new Map<string, string[]>();
  for (const file of files.filter((each) => !PROJECTOR.test(each))) {
    const part = PART.exec(file);
    const key = part === null ? file : `${part[1]}/${part[3]}`;
    parts.set(key, [...(parts.get(key) ?? []), file]);
  }
  const models = [...parts.values()].map((group): GgufGroup => {
    const part = PART.exec(group[0] ?? "");
    const total = part === null ? 1 : Number(part[3]);
    const name = part?.[1] ?? (group[0] ?? "").replace(/\.gguf$/i, "");
    return { name, files: group, missing: Math.max(0, total - group.length) };
  });
  return { models, projectors: files.filter((file) => PROJECTOR.test(file)) };
}
