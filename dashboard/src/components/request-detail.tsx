import type { ReactNode } from "react";
import { useAnswer } from "../api/queries.js";
import type { AttemptDetail, RequestDetail } from "../api/types.js";
import { usdText, wholeText } from "../format/amounts.js";
import { plain } from "../format/codes.js";
import { durationText, timeText } from "../format/times.js";
import { Loaded } from "./loaded.js";
import { Card, Facts, Page, Stat, Stats } from "./page.js";
import { OutcomeBadge } from "./request-parts.js";
import { WaterfallChart } from "./waterfall.js";

const RUNNING_POLL_MS = 1_000;

interface RequestPageProps {
  /** The route of requests. */
  readonly route: string;
  readonly id: string;
}

/** One request: how it ended, where its time went, and why it went where it went. */
export function RequestDetailPage({ route, id }: RequestPageProps): ReactNode {
  const path = `${route}/${encodeURIComponent(id)}`;
  const first = useAnswer<RequestDetail>(path);
  // What still runs is asked for again.
  const query = useAnswer<RequestDetail>(path, first.data?.outcome === "running" ? { everyMs: RUNNING_POLL_MS } : {});
  return (
    <Page title="Request" lead={<code>{id}</code>}>
      <Loaded query={query} lines={8}>
        {(request) => <Told request={request} />}
      </Loaded>
    </Page>
  );
}

function Told({ request }: { readonly request: RequestDetail }): ReactNode {
  const { attempts, not_tried: notTried = [] } = request;
  return (
    <>
      <Stats>
        <Stat
          label="Outcome"
          value={<OutcomeBadge outcome={request.outcome} code={null} />}
          hint={request.code === null ? undefined : plain(request.code)}
        />
        <Stat label="First content" value={durationText(request.ttft_ms)} />
        <Stat
          label="In all"
          value={durationText(request.total_ms)}
          hint={request.queued_ms > 0 ? `${durationText(request.queued_ms)} in the queue` : undefined}
        />
        <Stat
          label="Tokens"
          value={wholeText(request.completion_tokens)}
          hint={`for ${wholeText(request.prompt_tokens)} of prompt`}
        />
        <Stat label="Cost" value={usdText(request.cost_micro_usd)} />
      </Stats>
      <Card title="Where the time went">
        <WaterfallChart request={request} />
      </Card>
      {attempts.map((attempt, n) => (
        <WhyChosen key={attempt.id} attempt={attempt} n={n + 1} />
      ))}
      {notTried.length === 0 ? null : (
        <Card title="What was never tried">
          <ul>
            {notTried.map(({ model, provider, reason }) => (
              <li key={`${model}${provider}${reason}`}>
                <b>{model}</b> {provider === undefined ? "" : <code>{provider}</code>} – {plain(reason)}
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Card title="The request">
        <Facts
          facts={[
            ["Came", timeText(request.created_at)],
            ["Asked for", request.model],
            ["Served by", request.build ?? "–"],
            ["Machine", request.provider === null ? "–" : <code key="p">{request.provider}</code>],
            ["Route", `${request.endpoint}${request.stream ? ", streamed" : ""}`],
            ...(request.account === undefined ? [] : ([["Account", request.account]] as const)),
            ...(request.key_id === undefined ? [] : ([["Key", <code key="k">{request.key_id}</code>]] as const)),
            ...Object.entries(request.timings ?? {}).map(
              ([name, ms]) => [plain(name.replace(/_ms$/, "")), durationText(ms)] as const,
            ),
          ]}
        />
      </Card>
    </>
  );
}

/** The score's terms of the machine that was chosen: expected milliseconds, which add up. */
function WhyChosen({ attempt, n }: { readonly attempt: AttemptDetail; readonly n: number }): ReactNode {
  const terms = Object.entries(attempt.chosen?.terms ?? {}).filter(([, ms]) => ms !== 0);
  if (terms.length === 0) return null;
  return (
    <Card title={`Why attempt ${n} went there`}>
      <p className="muted">What speaks against the machine, as milliseconds; the least in all was chosen.</p>
      <Terms terms={terms} />
    </Card>
  );
}

export function Terms({ terms }: { readonly terms: readonly (readonly [string, number])[] }): ReactNode {
  const most = Math.max(1, ...terms.map(([, ms]) => Math.abs(ms)));
  return (
    <ul className="bars terms">
      {terms.map(([name, ms]) => (
        <li key={name}>
          <span className="bar-label">
            {plain(name.replace(/(_ms|Ms)$/, ""))} <b>{durationText(ms)}</b>
          </span>
          <span className="meter">
            <i style={{ width: `${(Math.abs(ms) / most) * 100}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}
