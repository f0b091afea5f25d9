/** What each refusal of a file system means, and what its owner can do about it. */
const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "its disk is full (ENOSPC); free some space",
  EDQUOT: "the quota of its disk is used up (EDQUOT); free some space",
  EROFS: "its file system is read-only (EROFS); mount it for writing",
  EACCES: "this user may not write there (EACCES); change its owner or its rights",
  EPERM: "writing there is not permitted (EPERM); change its owner, its rights or its flags",
  ENOTDIR: "a file is in the place of a directory (ENOTDIR); move it away",
  EEXIST: "something that is no directory is in its place (EEXIST); move it away",
  EISDIR: "a directory is in the place of a file (EISDIR); move it away",
  ELOOP: "its links lead in a circle (ELOOP); mend them",
  EIO: "its disk fails (EIO); look at the system's log and mend the disk",
  EMFILE: "this process may open no more files (EMFILE); raise its limit (ulimit -n)",
};

/** Node's own code of a file system's error, like `ENOSPC`; `undefined` for an error that has none. */
export function diskFaultCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * What is wrong and what to do about it, as the end of a sentence about a file or a directory: no capital letter, no
 * full stop. Quotes nothing of the error's message.
 */
export function describeDiskFault(error: unknown): string {
  const code = diskFaultCode(error);
  return WORDS[code ?? ""] ?? `the file system refuses (${code ?? "unknown error"})`;
}
