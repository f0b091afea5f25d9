import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Balance, EarningsLine, Payout } from "../api/account-types.js";
import { useAnswer, useRefresh, useWholeList } from "../api/queries.js";
import { ask, withQuery } from "../api/request.js";
import type { List, Provider } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { Chart } from "../components/chart.js";
import { type Column, DataTable } from "../components/data-table.js";
import { DownloadButton } from "../components/download.js";
import { TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";
import { Loaded } from "../components/loaded.js";
import { Card, Page, Stat, Stats } from "../components/page.js";
import { ShortId } from "../components/request-parts.js";
import { Empty } from "../components/states.js";
import { microUsdOf, shortText, usdText, wholeText } from "../format/amounts.js";
import { timeText } from "../format/times.js";
import { PricesCard } from "./prices-card.js";

const PAYOUTS = "/v1/me/payouts";
const DAY_SECONDS = 86_400;
const SHOWN_DAYS = 30;

const COLUMNS: readonly Column<EarningsLine>[] = [
  { id: "machine", title: "Machine", value: (row) => row.machine, cell: (row) => <ShortId id={row.machine} /> },
  { id: "model", title: "Model", value: (row) => row.model },
  {
    id: "requests",
    title: "Requests",
    value: (row) => row.requests,
    cell: (row) => wholeText(row.requests),
    align: "right",
    wide: true,
  },
  {
    id: "tokens",
    title: "Tokens written",
    value: (row) => row.completion_tokens,
    cell: (row) => shortText(row.completion_tokens),
    align: "right",
    wide: true,
  },
  {
    id: "fee",
    title: "Fee",
    value: (row) => row.fee_micro_usd,
    cell: (row) => usdText(row.fee_micro_usd),
    align: "right",
    wide: true,
  },
  {
    id: "net",
    title: "Earned",
    value: (row) => row.net_micro_usd,
    cell: (row) => usdText(row.net_micro_usd),
    align: "right",
  },
];

/** What an owner's machines earned, and what of it has been paid out. */
export function EarningsPage(): ReactNode {
  const [since] = useState(() => Math.floor(Date.now() / 1_000 / DAY_SECONDS - SHOWN_DAYS + 1) * DAY_SECONDS);
  const days = useAnswer<List<EarningsLine>>(withQuery("/v1/me/earnings", { group_by: "day", start_time: since }));
  const apart = useAnswer<List<EarningsLine>>(
    withQuery("/v1/me/earnings", { group_by: "machine,model", start_time: since }),
  );
  const balance = useAnswer<Balance>("/v1/me/balance");
  const machines = useWholeList<Provider>("/v1/me/providers");
  const [asking, setAsking] = useState(false);
  return (
    <Page
      title="Earnings"
      lead="What your machines earned in the last 30 days. It can be spent on requests of your own, or paid out."
      actions={
        <>
          <DownloadButton
            label="Download CSV"
            file="earnings.csv"
            path={withQuery("/v1/me/earnings", { group_by: "day,machine,model", start_time: since, format: "csv" })}
          />
          <button type="button" className="button button-main" onClick={() => setAsking(true)}>
            Ask for a payout
          </button>
        </>
      }
    >
      <Stats>
        <Stat label="Earned, to be had" value={usdText(balance.data?.earned.balance_micro_usd)} />
        <Stat label="Being paid out" value={usdText(balance.data?.pending_payouts_micro_usd)} />
        <Stat
          label="Last 30 days"
          value={usdText(days.data?.data.reduce((sum, line) => sum + line.net_micro_usd, 0))}
          hint="after the fee"
        />
      </Stats>
      <Card title="By day">
        <Loaded query={days}>{({ data }) => <Days lines={data} since={since} />}</Loaded>
      </Card>
      <Card title="By machine and model">
        <Loaded query={apart}>
          {({ data }) => (
            <DataTable
              label="Earnings by machine and model"
              rows={data}
              columns={COLUMNS}
              idOf={(row) => `${row.machine} ${row.model}`}
              order={{ column: "net", descending: true }}
              empty={<Empty title="Nothing was earned in this time" />}
            />
          )}
        </Loaded>
      </Card>
      <Loaded query={machines}>{(providers) => <PricesCard providers={providers} />}</Loaded>
      <Payouts />
      {asking ? <PayoutDialog onClose={() => setAsking(false)} /> : null}
    </Page>
  );
}

function Days({ lines, since }: { readonly lines: readonly EarningsLine[]; readonly since: number }): ReactNode {
  const byDay = new Map(lines.map((line) => [line.start_time, line.net_micro_usd]));
  const times = Array.from({ length: SHOWN_DAYS }, (_, n) => since + n * DAY_SECONDS);
  return (
    <Chart
      label="Earnings by day"
      times={times}
      series={[{ label: "Earned", values: times.map((time) => byDay.get(time) ?? 0), color: "--good", bars: true }]}
      format={usdText}
    />
  );
}

const PAYOUT_COLUMNS: readonly Column<Payout>[] = [
  { id: "requested", title: "Asked", value: (row) => row.requested_at, cell: (row) => timeText(row.requested_at) },
  {
    id: "amount",
    title: "Amount",
    value: (row) => row.amount_micro_usd,
    cell: (row) => usdText(row.amount_micro_usd),
    align: "right",
  },
  { id: "status", title: "State", value: (row) => row.status, cell: (row) => <Badge state={row.status} /> },
  { id: "reason", title: "Words", value: (row) => row.reason, wide: true },
];

function Payouts(): ReactNode {
  const payouts = useAnswer<List<Payout>>(PAYOUTS);
  return (
    <Card title="Payouts">
      <Loaded query={payouts}>
        {({ data }) => (
          <DataTable
            label="Payouts"
            rows={data}
            columns={PAYOUT_COLUMNS}
            idOf={(row) => row.id}
            order={{ column: "requested", descending: true }}
            empty={<Empty title="You have asked for none yet" />}
          />
        )}
      </Loaded>
    </Card>
  );
}

function PayoutDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [amount, setAmount] = useState("");
  const [key] = useState(() => crypto.randomUUID());
  const refresh = useRefresh();
  const microUsd = microUsdOf(amount);
  const request = useMutation({
    // Sent twice it is still one payout.
    mutationFn: () =>
      ask(PAYOUTS, { method: "POST", headers: { "Idempotency-Key": key }, body: { amount_micro_usd: microUsd } }),
    onSuccess: () => {
      refresh(PAYOUTS, "/v1/me/balance");
      onClose();
    },
  });
  return (
    <FormDialog title="Ask for a payout" action="Ask" sending={request} isIncomplete={!microUsd} onClose={onClose}>
      <TextField
        label="Amount, US dollars"
        value={amount}
        onChange={setAmount}
        inputMode="decimal"
        required
        autoFocus
        hint="It leaves what can be spent at once, and comes back where the payout fails."
      />
    </FormDialog>
  );
}
