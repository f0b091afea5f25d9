/** What is taken when the system does not tell: the smallest limit that is usual. */
const ASSUMED_LIMIT = 1_024;
/** Descriptors that are not connections: files, the store, the log, pipes of child processes. */
const RESERVED = 64;

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft?: number | string } };
}

/** Connections that this process can hold, as far as its limit of open files goes. Node has raised that already. */
export function connectionCapacity(): number {
  const { userLimits } = process.report.getReport() as Report;
  const soft = userLimits?.open_files?.soft;
  if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
  return Math.max(1, (typeof soft === "number" ? soft : ASSUMED_LIMIT) - RESERVED);
}
