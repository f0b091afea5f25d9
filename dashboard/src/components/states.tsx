import { CloudOff, Inbox, LoaderCircle, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError, type ApiErrorKind } from "../api/errors.js";

/** While an answer is on its way: the shape of what comes, so that nothing jumps. */
export function Loading({
  lines = 4,
  label = "Loading",
}: {
  readonly lines?: number;
  readonly label?: string;
}): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike, and stay where they are
        <span key={line} className="skeleton-line" />
      ))}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ReactNode;
}

/** Where a list has nothing: what would be here, and how it gets here. */
export function Empty({ title, children }: EmptyProps): ReactNode {
  return (
    <div className="notice">
      <Inbox aria-hidden="true" />
      <p className="notice-title">{title}</p>
      {children === undefined ? null : <div className="notice-words">{children}</div>}
    </div>
  );
}

const TITLES: Partial<Record<ApiErrorKind, string>> = {
  missing: "Not here",
  forbidden: "Your key may not see this",
  signed_out: "Your key is not for this",
  busy: "Not now",
  unreachable: "The coordinator does not answer",
};

const WORDS: Partial<Record<ApiErrorKind, string>> = {
  signed_out: "The key that you signed in with is not good for it. Sign out, and in with another one.",
  missing: "This coordinator does not offer this, or what you look for is gone.",
  unreachable: "It may be restarting. This page tries again by itself.",
};

/** Where an answer is an error: what it means, and what can be done. */
export function Problem({
  error,
  onRetry,
}: {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
}): ReactNode {
  const { kind, message, facts } = ApiError.from(error);
  const isCalm = kind === "missing" || kind === "forbidden" || kind === "signed_out";
  const Icon = kind === "unreachable" ? CloudOff : TriangleAlert;
  return (
    <div className={isCalm ? "notice" : "notice notice-bad"} role={isCalm ? undefined : "alert"}>
      <Icon aria-hidden="true" />
      <p className="notice-title">{TITLES[kind] ?? "That did not work"}</p>
      <div className="notice-words">
        <p>{WORDS[kind] ?? message}</p>
        {facts.requestId === undefined ? null : (
          <p className="muted">
            Request <code>{facts.requestId}</code>
          </p>
        )}
      </div>
      {onRetry === undefined || isCalm ? null : (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A small turning sign within a button. */
export function Spinner(): ReactNode {
  return <LoaderCircle className="spinner" aria-hidden="true" />;
}
