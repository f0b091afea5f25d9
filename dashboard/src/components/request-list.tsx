import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { ask, withQuery } from "../api/request.js";
import type { List, RequestOutcome, RequestSummary } from "../api/types.js";
import { DataTable } from "./data-table.js";
import { requestColumns } from "./request-parts.js";
import { Empty, Loading, Problem } from "./states.js";

const PAGE_SIZE = 100;
const OUTCOMES: readonly RequestOutcome[] = ["running", "success", "failed", "cancelled", "refused"];

interface RequestListProps {
  /** The route that lists them. */
  readonly route: string;
  /** The page under which one is found. */
  readonly base: string;
  readonly whose: boolean;
}

/** Requests, newest first, with the words that the route itself filters by. */
export function RequestList({ route, base, whose }: RequestListProps): ReactNode {
  const [outcome, setOutcome] = useState("");
  const [model, setModel] = useState("");
  const columns = useMemo(() => requestColumns(base, whose), [base, whose]);
  const query = useInfiniteQuery({
    queryKey: [route, outcome, model],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      ask<List<RequestSummary>>(withQuery(route, { limit: PAGE_SIZE, after: pageParam, outcome, model }), { signal }),
    getNextPageParam: ({ has_more, last_id }) => (has_more ? (last_id ?? undefined) : undefined),
  });
  const rows = useMemo(() => query.data?.pages.flatMap(({ data }) => data) ?? [], [query.data]);
  if (query.isPending) return <Loading lines={8} />;
  if (query.error !== null) return <Problem error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <>
      <DataTable
        label="Requests"
        rows={rows}
        columns={columns}
        idOf={(row) => row.id}
        search="Search what is listed …"
        tools={<Filters outcome={outcome} model={model} onOutcome={setOutcome} onModel={setModel} />}
        empty={
          <Empty title="No request">
            {outcome || model ? "None matches." : "As soon as one has been asked, it is listed here."}
          </Empty>
        }
      />
      {query.hasNextPage ? (
        <p>
          <button
            type="button"
            className="button"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Older ones
          </button>
        </p>
      ) : null}
    </>
  );
}

interface FiltersProps {
  readonly outcome: string;
  readonly model: string;
  readonly onOutcome: (outcome: string) => void;
  readonly onModel: (model: string) => void;
}

function Filters({ outcome, model, onOutcome, onModel }: FiltersProps): ReactNode {
  const [typed, setTyped] = useState(model);
  return (
    <>
      <select aria-label="Outcome" value={outcome} onChange={(event) => onOutcome(event.target.value)}>
        <option value="">Every outcome</option>
        {OUTCOMES.map((each) => (
          <option key={each} value={each}>
            {each === "success" ? "served" : each}
          </option>
        ))}
      </select>
      <form
        className="inline"
        onSubmit={(event) => {
          event.preventDefault();
          onModel(typed.trim());
        }}
      >
        <input
          aria-label="Model"
          placeholder="Model"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => onModel(typed.trim())}
        />
      </form>
    </>
  );
}
