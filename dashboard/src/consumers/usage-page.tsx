import { type ReactNode, useMemo, useState } from "react";
import type { Balance, OwnKey, UsageBucket } from "../api/account-types.js";
import { useAnswer } from "../api/queries.js";
import { withQuery } from "../api/request.js";
import type { List } from "../api/types.js";
import { Chart } from "../components/chart.js";
import { type Column, DataTable } from "../components/data-table.js";
import { SelectField, TextField } from "../components/fields.js";
import { Loaded } from "../components/loaded.js";
import { Card, Page, Stat, Stats } from "../components/page.js";
import { Empty } from "../components/states.js";
import { shortText, usdText, wholeText } from "../format/amounts.js";
import { RESET_WORDS } from "../format/key-order.js";
import { durationText } from "../format/times.js";
import { type UsageMeasure, usageSeries } from "../format/usage-series.js";

type Width = "1h" | "1d";
type By = "" | "model" | "key" | "endpoint";

const COLORS = ["--accent", "--info", "--good", "--violet", "--warn", "--muted"] as const;

/** What the account's requests used and cost. */
export function UsagePage(): ReactNode {
  const [width, setWidth] = useState<Width>("1d");
  const [by, setBy] = useState<By>("model");
  const [measure, setMeasure] = useState<UsageMeasure>("cost_micro_usd");
  const [typedTag, setTag] = useState("");
  // Half a tag would be refused.
  const tag = /^[^:]+:.+$/.test(typedTag.trim()) ? typedTag.trim() : "";
  const usage = useAnswer<List<UsageBucket>>(
    withQuery("/v1/me/usage/totals", { bucket_width: width, group_by: by, tag }),
  );
  return (
    <Page title="Usage" lead="What your account's requests used, and what it cost.">
      <Money />
      <Card>
        <div className="form-row">
          <SelectField
            label="By the"
            value={width}
            onChange={setWidth}
            options={[
              ["1h", "Hour, two days"],
              ["1d", "Day, a month"],
            ]}
          />
          <SelectField
            label="Apart by"
            value={by}
            onChange={setBy}
            options={[
              ["", "Nothing"],
              ["model", "Model"],
              ["key", "Key"],
              ["endpoint", "Route"],
            ]}
          />
          <SelectField
            label="Show"
            value={measure}
            onChange={setMeasure}
            options={[
              ["cost_micro_usd", "Cost"],
              ["tokens", "Tokens"],
              ["requests", "Requests"],
            ]}
          />
          <TextField label="Tag of the key" value={typedTag} onChange={setTag} placeholder="team:search" />
        </div>
      </Card>
      <Loaded query={usage} lines={8}>
        {({ data }) => <Shown buckets={data} by={by} measure={measure} />}
      </Loaded>
    </Page>
  );
}

/** What can be spent, by account and by the key of this session. */
function Money(): ReactNode {
  const balance = useAnswer<Balance>("/v1/me/balance");
  const own = useAnswer<{ readonly data: OwnKey }>("/v1/key");
  const key = own.data?.data;
  return (
    <Stats>
      <Stat label="Can be spent" value={usdText(balance.data?.available_micro_usd)} hint="by your account" />
      <Stat label="Today" value={dollars(key?.usage_daily)} hint="by this key" />
      <Stat label="This month" value={dollars(key?.usage_monthly)} hint="by this key" />
      <Stat
        label="Budget left"
        value={key?.limit == null ? "no limit" : dollars(key.limit_remaining)}
        hint={
          key?.limit == null ? "of this key" : `of ${dollars(key.limit)} ${RESET_WORDS[key.limit_reset ?? "never"]}`
        }
      />
      <Stat label="Rate limits" value={limitsText(key)} hint="of this key" />
    </Stats>
  );
}

const dollars = (amount: number | null | undefined): string => usdText(amount == null ? undefined : amount * 1e6);

function limitsText(key: OwnKey | undefined): string {
  if (key === undefined) return "–";
  const { requests, tokens } = key.rate_limit;
  const told = [
    requests === null ? "" : `${wholeText(requests)} / min`,
    tokens === null ? "" : `${shortText(tokens)} tokens`,
  ];
  return told.filter(Boolean).join(", ") || "none";
}

const FORMATS: Readonly<Record<UsageMeasure, (value: number) => string>> = {
  cost_micro_usd: usdText,
  tokens: shortText,
  requests: shortText,
};

function nameOf(bucket: UsageBucket, by: By): string {
  return by === "" ? "All" : (bucket[by] ?? "–");
}

interface ShownProps {
  readonly buckets: readonly UsageBucket[];
  readonly by: By;
  readonly measure: UsageMeasure;
}

function Shown({ buckets, by, measure }: ShownProps): ReactNode {
  const { times, series } = useMemo(
    () => usageSeries(buckets, (bucket) => nameOf(bucket, by), measure, COLORS.length),
    [buckets, by, measure],
  );
  if (buckets.length === 0) {
    return (
      <Card>
        <Empty title="Nothing was used in this time">Ask something in the playground, or with any OpenAI SDK.</Empty>
      </Card>
    );
  }
  return (
    <>
      <Card title="Over time">
        <Chart
          label="Usage over time"
          times={times}
          series={series.map(({ name, values }, n) => ({
            label: name,
            values,
            color: COLORS[n] ?? "--muted",
            bars: series.length === 1,
          }))}
          format={FORMATS[measure]}
          height={240}
        />
      </Card>
      <Card title="Together">
        <DataTable
          label="Usage together"
          rows={sumsOf(buckets, by)}
          columns={COLUMNS}
          idOf={(row) => row.name}
          order={{ column: "cost", descending: true }}
        />
      </Card>
    </>
  );
}

interface Sum {
  readonly name: string;
  requests: number;
  failed: number;
  prompt: number;
  completion: number;
  cost: number;
  firstMs: number;
  answered: number;
}

function sumsOf(buckets: readonly UsageBucket[], by: By): readonly Sum[] {
  const sums = new Map<string, Sum>();
  for (const bucket of buckets) {
    const name = nameOf(bucket, by);
    const sum = sums.get(name) ?? {
      name,
      requests: 0,
      failed: 0,
      prompt: 0,
      completion: 0,
      cost: 0,
      firstMs: 0,
      answered: 0,
    };
    sum.requests += bucket.requests;
    sum.failed += bucket.failed;
    sum.prompt += bucket.prompt_tokens;
    sum.completion += bucket.completion_tokens;
    sum.cost += bucket.cost_micro_usd;
    if (bucket.average_first_content_ms !== null) {
      sum.firstMs += bucket.average_first_content_ms * bucket.requests;
      sum.answered += bucket.requests;
    }
    sums.set(name, sum);
  }
  return [...sums.values()];
}

const firstOf = ({ firstMs, answered }: Sum): number | undefined => (answered === 0 ? undefined : firstMs / answered);

const COLUMNS: readonly Column<Sum>[] = [
  { id: "name", title: "What", value: (row) => row.name },
  {
    id: "requests",
    title: "Requests",
    value: (row) => row.requests,
    cell: (row) => wholeText(row.requests),
    align: "right",
  },
  {
    id: "failed",
    title: "Failed",
    value: (row) => row.failed,
    cell: (row) => wholeText(row.failed),
    align: "right",
    wide: true,
  },
  {
    id: "prompt",
    title: "Tokens read",
    value: (row) => row.prompt,
    cell: (row) => shortText(row.prompt),
    align: "right",
    wide: true,
  },
  {
    id: "completion",
    title: "Tokens written",
    value: (row) => row.completion,
    cell: (row) => shortText(row.completion),
    align: "right",
    wide: true,
  },
  {
    id: "first",
    title: "First content",
    value: firstOf,
    cell: (row) => durationText(firstOf(row)),
    align: "right",
    wide: true,
  },
  { id: "cost", title: "Cost", value: (row) => row.cost, cell: (row) => usdText(row.cost), align: "right" },
];
