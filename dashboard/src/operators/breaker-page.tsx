import type { ReactNode } from "react";
import { Link } from "wouter";
import { useAnswer, useRefresh } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { BreakerEntry, List, QueueEntry } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { ConfirmButton } from "../components/confirm.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Loaded } from "../components/loaded.js";
import { useNow } from "../components/now.js";
import { Card, Page } from "../components/page.js";
import { ShortId } from "../components/request-parts.js";
import { Empty } from "../components/states.js";
import { plain } from "../format/codes.js";
import { durationText } from "../format/times.js";

const POLL_MS = 3_000;
const BREAKER = "/admin/breaker";

/** Who is left out after failures and for how long, and who waits for room. */
export function BreakerPage(): ReactNode {
  const breaker = useAnswer<List<BreakerEntry>>(BREAKER, { everyMs: POLL_MS });
  const queue = useAnswer<List<QueueEntry>>("/admin/queue", { everyMs: POLL_MS });
  const receivedAt = breaker.dataUpdatedAt;
  return (
    <Page
      title="Breaker and queue"
      lead="Who is left out after failures, and for how long; and which models have requests waiting."
    >
      <Card title="Left out">
        <Loaded query={breaker}>{({ data }) => <BreakerTable entries={data} receivedAt={receivedAt} />}</Loaded>
      </Card>
      <Card title="Waiting for room">
        <Loaded query={queue}>
          {({ data }) => (
            <DataTable
              label="Waiting for room"
              rows={data}
              columns={QUEUE_COLUMNS}
              idOf={(row) => row.model}
              order={{ column: "waiting", descending: true }}
              empty={<Empty title="Nobody waits" />}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

const QUEUE_COLUMNS: readonly Column<QueueEntry>[] = [
  { id: "model", title: "Model", value: (row) => row.model },
  {
    id: "waiting",
    title: "Waiting",
    value: (row) => row.waiting,
    cell: (row) => `${row.waiting} of ${row.limit}`,
    align: "right",
  },
  {
    id: "oldest",
    title: "The longest",
    value: (row) => row.oldest_ms,
    cell: (row) => durationText(row.oldest_ms),
    align: "right",
  },
];

function BreakerTable({
  entries,
  receivedAt,
}: {
  readonly entries: readonly BreakerEntry[];
  readonly receivedAt: number;
}): ReactNode {
  const now = useNow();
  const refresh = useRefresh();
  const backIn = ({ remaining_ms: ms }: BreakerEntry): string =>
    durationText(Math.ceil(Math.max(0, ms - Math.max(0, now - receivedAt)) / 1_000) * 1_000);
  const columns: readonly Column<BreakerEntry>[] = [
    {
      id: "provider",
      title: "Machine",
      value: (row) => row.provider,
      cell: (row) => (
        <Link href={`/fleet/${encodeURIComponent(row.provider)}`}>
          <ShortId id={row.provider} />
          <span className="sub narrow">{row.model}</span>
        </Link>
      ),
    },
    { id: "model", title: "Model", value: (row) => row.model, wide: true },
    { id: "shape", title: "For", value: (row) => row.shape, wide: true },
    {
      id: "state",
      title: "State",
      value: (row) => row.state,
      cell: (row) => (
        <>
          <Badge state={row.state} />
          <span className="sub narrow">back in {backIn(row)}</span>
        </>
      ),
    },
    {
      id: "reason",
      title: "Why",
      value: (row) => row.reason,
      cell: (row) => (row.reason === null ? "–" : plain(row.reason)),
      wide: true,
    },
    { id: "faults", title: "Faults", value: (row) => row.faults, align: "right", wide: true },
    {
      id: "remaining",
      title: "Back in",
      value: (row) => row.remaining_ms,
      cell: (row) => backIn(row),
      align: "right",
      wide: true,
    },
    {
      id: "clear",
      title: "",
      value: () => "",
      unsorted: true,
      align: "right",
      cell: (row) => (
        <ConfirmButton
          label="Clear"
          title="Clear this breaker"
          consequence={`${row.model} on ${row.provider.slice(0, 12)} gets requests again at once. If it still fails, it is left out again.`}
          act={() => ask(`${BREAKER}/clear`, { method: "POST", body: { provider: row.provider, model: row.model } })}
          onDone={() => refresh(BREAKER)}
        />
      ),
    },
  ];
  return (
    <DataTable
      label="Left out"
      rows={entries}
      columns={columns}
      idOf={(row) => `${row.provider} ${row.model} ${row.shape} ${row.state}`}
      empty={<Empty title="Nobody is left out">Every machine that is connected may be asked.</Empty>}
    />
  );
}
