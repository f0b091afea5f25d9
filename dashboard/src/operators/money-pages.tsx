import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Payout } from "../api/account-types.js";
import { useRefresh, useWholeList } from "../api/queries.js";
import { ask } from "../api/request.js";
import { Badge } from "../components/badge.js";
import { type Column, DataTable } from "../components/data-table.js";
import { SelectField, TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";
import { Loaded } from "../components/loaded.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { usdText } from "../format/amounts.js";
import { timeText } from "../format/times.js";

const ROUTE = "/admin/payouts";

const NEXT: Readonly<Record<Payout["status"], readonly (readonly [string, string])[]>> = {
  requested: [
    ["paid", "Paid"],
    ["failed", "Failed: it can be spent again"],
  ],
  paid: [["returned", "Came back: it can be spent again"]],
  failed: [],
  returned: [],
};

/** What owners asked to be paid, and what has become of it. */
export function PayoutsPage(): ReactNode {
  const payouts = useWholeList<Payout>(ROUTE);
  const [changing, setChanging] = useState<Payout>();
  const columns: readonly Column<Payout>[] = [
    { id: "requested", title: "Asked", value: (row) => row.requested_at, cell: (row) => timeText(row.requested_at) },
    { id: "account", title: "Account", value: (row) => row.account },
    {
      id: "amount",
      title: "Amount",
      value: (row) => row.amount_micro_usd,
      cell: (row) => usdText(row.amount_micro_usd),
      align: "right",
    },
    { id: "status", title: "State", value: (row) => row.status, cell: (row) => <Badge state={row.status} /> },
    { id: "reason", title: "Words", value: (row) => row.reason, wide: true },
    {
      id: "actions",
      title: "",
      value: () => "",
      unsorted: true,
      align: "right",
      cell: (row) =>
        NEXT[row.status].length === 0 ? null : (
          <button type="button" className="button" onClick={() => setChanging(row)}>
            Change
          </button>
        ),
    },
  ];
  return (
    <Page
      title="Payouts"
      lead="What owners of machines asked to be paid. Money is moved by you; here you say what has become of it."
    >
      <Loaded query={payouts} lines={6}>
        {(rows) => (
          <DataTable
            label="Payouts"
            rows={rows}
            columns={columns}
            idOf={(row) => row.id}
            search="Account …"
            order={{ column: "requested", descending: true }}
            empty={<Empty title="Nobody has asked yet" />}
          />
        )}
      </Loaded>
      {changing === undefined ? null : <PayoutDialog payout={changing} onClose={() => setChanging(undefined)} />}
    </Page>
  );
}

function PayoutDialog({ payout, onClose }: { readonly payout: Payout; readonly onClose: () => void }): ReactNode {
  const options = NEXT[payout.status];
  const [status, setStatus] = useState(options[0]?.[0] ?? "");
  const [reason, setReason] = useState("");
  const refresh = useRefresh();
  const change = useMutation({
    mutationFn: () =>
      ask(`${ROUTE}/${encodeURIComponent(payout.id)}`, { method: "POST", body: { status, reason: reason.trim() } }),
    onSuccess: () => {
      refresh(ROUTE);
      onClose();
    },
  });
  return (
    <FormDialog
      title={`${usdText(payout.amount_micro_usd)} for ${payout.account}`}
      action="Save"
      sending={change}
      onClose={onClose}
    >
      <SelectField label="What has become of it" value={status} options={options} onChange={setStatus} />
      <TextField label="Words" value={reason} onChange={setReason} placeholder="transfer 4711" required />
    </FormDialog>
  );
}
