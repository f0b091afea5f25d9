import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Live, LivePoint } from "../api/live.js";
import { useAnswer } from "../api/queries.js";
import type { BreakerEntry, List, QueueEntry } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { Chart } from "../components/chart.js";
import { DataTable } from "../components/data-table.js";
import { Card, Page, Stat, Stats } from "../components/page.js";
import { requestColumns } from "../components/request-parts.js";
import { Empty, Loading } from "../components/states.js";
import { rateText, shortText, wholeText } from "../format/amounts.js";
import { plain } from "../format/codes.js";
import { durationText } from "../format/times.js";
import { useLive } from "./use-live.js";

const COLUMNS = requestColumns("/requests", true);
const POLL_MS = 5_000;

/** How the coordinator is, now and in the last minutes. */
export function OverviewPage(): ReactNode {
  const live = useLive();
  const last = live.points.at(-1);
  return (
    <Page title="Overview" lead="What the fleet does now." actions={<LiveBadge state={live.state} />}>
      {last === undefined ? <NothingLive live={live} /> : <Now last={last} points={live.points} />}
      <div className="grid">
        <Errors last={last} />
        <Trouble />
      </div>
      <Card title="Requests as they end" actions={<Link href="/requests">All requests</Link>}>
        {live.skipped === 0 ? null : (
          <p className="muted">{wholeText(live.skipped)} more were too many to be shown one by one.</p>
        )}
        <DataTable
          label="Requests as they end"
          rows={live.requests}
          columns={COLUMNS}
          idOf={(row) => row.id}
          empty={
            <Empty title="No request has ended yet">Those that end while this page is open are listed here.</Empty>
          }
        />
      </Card>
    </Page>
  );
}

const LIVE_WORDS = { connecting: "Connecting", live: "Live", lost: "Connecting again", missing: "Not live" } as const;
const LIVE_TONES = { connecting: "running", live: "serving", lost: "draining", missing: "offline" } as const;

function LiveBadge({ state }: Pick<Live, "state">): ReactNode {
  return (
    <span role="status">
      <Badge state={LIVE_TONES[state]}>{LIVE_WORDS[state]}</Badge>
    </span>
  );
}

function NothingLive({ live }: { readonly live: Live }): ReactNode {
  if (live.state === "missing") {
    return (
      <Card>
        <Empty title="No live numbers here">
          This coordinator does not tell them. Fleet and requests are on their own pages.
        </Empty>
      </Card>
    );
  }
  return (
    <Card>
      <Loading lines={5} label="Waiting for the first numbers" />
    </Card>
  );
}

function Now({ last, points }: { readonly last: LivePoint; readonly points: readonly LivePoint[] }): ReactNode {
  const times = points.map(({ at }) => at);
  const { providers, ttft_ms: ttft } = last;
  return (
    <>
      <Stats>
        <Stat
          label="Machines serving"
          value={wholeText(providers.serving)}
          hint={`${wholeText(providers.draining)} draining, ${wholeText(providers.offline)} offline`}
          tone={providers.serving === 0 ? "bad" : undefined}
        />
        <Stat
          label="Requests / s"
          value={rateText(last.requests_per_second)}
          hint={`${wholeText(last.in_flight)} in flight`}
        />
        <Stat
          label="In the queue"
          value={wholeText(last.queued)}
          tone={last.queued > 0 ? "warn" : undefined}
          hint="waiting for room"
        />
        <Stat label="First content, median" value={durationText(ttft?.p50)} hint={`95 %: ${durationText(ttft?.p95)}`} />
        <Stat label="Tokens / s" value={shortText(last.tokens_per_second)} hint="written" />
      </Stats>
      <div className="grid">
        <Card title="Requests">
          <Chart
            label="Requests per second"
            times={times}
            series={[
              { label: "Ended / s", values: points.map((each) => each.requests_per_second), color: "--accent" },
              { label: "In flight", values: points.map((each) => each.in_flight), color: "--info" },
            ]}
            format={rateText}
          />
        </Card>
        <Card title="Time to first content">
          <Chart
            label="Time to first content"
            times={times}
            series={[
              { label: "Median", values: points.map((each) => each.ttft_ms?.p50 ?? null), color: "--good" },
              { label: "95 %", values: points.map((each) => each.ttft_ms?.p95 ?? null), color: "--warn" },
              { label: "99 %", values: points.map((each) => each.ttft_ms?.p99 ?? null), color: "--bad" },
            ]}
            format={durationText}
          />
        </Card>
        <Card title="Throughput">
          <Chart
            label="Tokens per second"
            times={times}
            series={[{ label: "Tokens / s", values: points.map((each) => each.tokens_per_second), color: "--violet" }]}
            format={shortText}
          />
        </Card>
      </div>
    </>
  );
}

function Errors({ last }: { readonly last: LivePoint | undefined }): ReactNode {
  const errors = last?.errors ?? [];
  const most = Math.max(1, ...errors.map(({ count }) => count));
  return (
    <Card title="Errors of the last minute">
      {errors.length === 0 ? (
        <Empty title="None" />
      ) : (
        <ul className="bars">
          {errors.map(({ code, count }) => (
            <li key={code}>
              <span className="bar-label">
                {plain(code)} <b>{wholeText(count)}</b>
              </span>
              <span className="meter meter-bad">
                <i style={{ width: `${(count / most) * 100}%` }} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Trouble(): ReactNode {
  const breaker = useAnswer<List<BreakerEntry>>("/admin/breaker", { everyMs: POLL_MS });
  const queue = useAnswer<List<QueueEntry>>("/admin/queue", { everyMs: POLL_MS });
  const waiting = (queue.data?.data ?? []).filter((entry) => entry.waiting > 0);
  const open = breaker.data?.data ?? [];
  return (
    <Card title="Breaker and queue" actions={<Link href="/breaker">Look closer</Link>}>
      {open.length === 0 && waiting.length === 0 ? (
        <Empty title={breaker.isPending ? "…" : "Nobody is left out, nobody waits"} />
      ) : (
        <ul className="bars">
          {open.slice(0, 5).map((entry) => (
            <li key={`${entry.provider}${entry.model}${entry.shape}`} className="bar-label">
              <span>
                {entry.model} <span className="muted">on {entry.provider.slice(0, 8)}</span>
              </span>
              <Badge state={entry.state} />
            </li>
          ))}
          {waiting.slice(0, 5).map((entry) => (
            <li key={entry.model} className="bar-label">
              <span>{entry.model}</span>
              <b>{wholeText(entry.waiting)} waiting</b>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
