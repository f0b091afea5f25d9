import type { ReactNode } from "react";
import { useAnswer } from "../api/queries.js";
import type { AuditEntry, List } from "../api/types.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Loaded } from "../components/loaded.js";
import { Page } from "../components/page.js";
import { ShortId } from "../components/request-parts.js";
import { ChangeList } from "../components/settings-parts.js";
import { Empty } from "../components/states.js";
import { dateOf, timeText } from "../format/times.js";

const COLUMNS: readonly Column<AuditEntry>[] = [
  {
    id: "time",
    title: "Time",
    value: (row) => dateOf(row.created_at)?.getTime(),
    cell: (row) => timeText(row.created_at),
  },
  {
    id: "what",
    title: "What",
    value: (row) => `${row.method} ${row.route}`,
    cell: (row) => (
      <>
        <code>{`${row.method} ${row.route}`}</code>
        {row.changes == null ? null : (
          <details>
            <summary>{row.changes.length === 1 ? "1 change" : `${row.changes.length} changes`}</summary>
            <ChangeList changes={row.changes} />
          </details>
        )}
      </>
    ),
  },
  { id: "target", title: "On", value: (row) => row.target, cell: (row) => <ShortId id={row.target} />, wide: true },
  {
    id: "account",
    title: "By",
    value: (row) => `${row.account} ${row.key_id}`,
    cell: (row) => row.account || row.key_id,
    wide: true,
  },
  { id: "status", title: "Answer", value: (row) => row.status, align: "right" },
];

/** What operators have done. */
export function AuditPage(): ReactNode {
  const entries = useAnswer<List<AuditEntry>>("/admin/audit?limit=1000");
  return (
    <Page title="Audit log" lead="Every change that was made through the operators' routes, and by which key.">
      <Loaded query={entries} lines={8}>
        {({ data }) => (
          <DataTable
            label="Audit log"
            rows={data}
            columns={COLUMNS}
            idOf={(row) => row.id}
            search="Route, account, target …"
            empty={<Empty title="Nothing has been changed yet" />}
          />
        )}
      </Loaded>
    </Page>
  );
}
