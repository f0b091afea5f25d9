import type { ReactNode } from "react";
import { Link } from "wouter";
import type { RequestSummary } from "../api/types.js";
import { shortText, usdText } from "../format/amounts.js";
import { plain } from "../format/codes.js";
import { clockText, dateOf, durationText, timeText } from "../format/times.js";
import { Badge } from "./badge.js";
import type { Column } from "./data-table.js";

/** An id that is too long for a table: its ends, and all of it for whoever hovers. */
export function ShortId({ id }: { readonly id: string | null | undefined }): ReactNode {
  if (id == null || id === "") return "–";
  return <code title={id}>{id.length <= 14 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`}</code>;
}

const OUTCOME_WORDS: Readonly<Record<string, string>> = { success: "Served" };

export function OutcomeBadge({ outcome, code }: Pick<RequestSummary, "outcome" | "code">): ReactNode {
  return (
    <>
      <Badge state={outcome}>{OUTCOME_WORDS[outcome]}</Badge>
      {code == null ? null : <span className="muted after-badge">{plain(code)}</span>}
    </>
  );
}

/** @param base the page under which one request is found @param whose accounts and machines are shown to operators only */
export function requestColumns(base: string, whose: boolean): readonly Column<RequestSummary>[] {
  const ofOperators: readonly Column<RequestSummary>[] = [
    { id: "account", title: "Account", value: (row) => row.account, wide: true },
  ];
  return [
    {
      id: "time",
      title: "Time",
      value: (row) => dateOf(row.created_at)?.getTime(),
      cell: (row) => (
        <Link href={`${base}/${encodeURIComponent(row.id)}`} title={timeText(row.created_at)}>
          {clockText(row.created_at)}
        </Link>
      ),
    },
    {
      id: "outcome",
      title: "Outcome",
      value: (row) => `${row.outcome} ${row.code ?? ""}`,
      cell: (row) => <OutcomeBadge {...row} />,
    },
    { id: "model", title: "Model", value: (row) => row.model },
    ...(whose ? ofOperators : []),
    {
      id: "provider",
      title: "Machine",
      value: (row) => row.provider,
      cell: (row) => <ShortId id={row.provider} />,
      wide: true,
    },
    { id: "attempts", title: "Attempts", value: (row) => row.attempts, align: "right", wide: true },
    {
      id: "ttft",
      title: "First content",
      value: (row) => row.ttft_ms,
      cell: (row) => durationText(row.ttft_ms),
      align: "right",
    },
    {
      id: "total",
      title: "Total",
      value: (row) => row.total_ms,
      cell: (row) => durationText(row.total_ms),
      align: "right",
      wide: true,
    },
    {
      id: "tokens",
      title: "Tokens",
      value: (row) => row.prompt_tokens + row.completion_tokens,
      cell: (row) => `${shortText(row.prompt_tokens)} → ${shortText(row.completion_tokens)}`,
      align: "right",
      wide: true,
    },
    {
      id: "cost",
      title: "Cost",
      value: (row) => Number(row.cost_micro_usd ?? 0),
      cell: (row) => usdText(row.cost_micro_usd),
      align: "right",
      wide: true,
    },
  ];
}
