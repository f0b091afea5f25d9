import { type ReactNode, useState } from "react";
import type { ApiKey, IssuedKey } from "../api/account-types.js";
import { useRefresh, useWholeList } from "../api/queries.js";
import { ask } from "../api/request.js";
import { usdText, wholeText } from "../format/amounts.js";
import { RESET_WORDS } from "../format/key-order.js";
import { timeText } from "../format/times.js";
import { Badge } from "./badge.js";
import { ConfirmButton } from "./confirm.js";
import { type Column, DataTable } from "./data-table.js";
import { NewKeyDialog, SecretDialog } from "./key-form.js";
import { Loaded } from "./loaded.js";
import { Empty } from "./states.js";

interface KeyListProps {
  /** The route of single keys: `/admin/keys` or `/v1/me/keys`. */
  readonly route: string;
  /** What lists them, where it is another than that. */
  readonly listRoute?: string;
  /** Where new ones are made; absent = not here. */
  readonly newRoute?: string;
  readonly scopes: readonly string[];
  readonly whose: boolean;
}

/** Keys with what they may and may not, and what can be done with them. */
export function KeyList({ route, listRoute = route, newRoute, scopes, whose }: KeyListProps): ReactNode {
  const keys = useWholeList<ApiKey>(listRoute);
  const refresh = useRefresh();
  const [making, setMaking] = useState(false);
  const [issued, setIssued] = useState<IssuedKey>();
  const again = (): void => refresh(route, listRoute);
  return (
    <>
      <Loaded query={keys} lines={6}>
        {(rows) => (
          <DataTable
            label="Keys"
            rows={rows}
            columns={columnsOf({ route, whose, onIssued: setIssued, again })}
            idOf={(row) => row.id}
            search="Name, account, tag …"
            order={{ column: "created", descending: true }}
            tools={
              newRoute === undefined ? null : (
                <button type="button" className="button button-main" onClick={() => setMaking(true)}>
                  New key
                </button>
              )
            }
            empty={
              <Empty title="No key yet">
                Make one for each program, so that each has its own limits and can be ended by itself.
              </Empty>
            }
          />
        )}
      </Loaded>
      {making && newRoute !== undefined ? (
        <NewKeyDialog route={newRoute} scopes={scopes} onMade={again} onClose={() => setMaking(false)} />
      ) : null}
      {issued === undefined ? null : <SecretDialog issued={issued} onClose={() => setIssued(undefined)} />}
    </>
  );
}

interface Shown {
  readonly route: string;
  readonly whose: boolean;
  readonly onIssued: (key: IssuedKey) => void;
  readonly again: () => void;
}

function columnsOf(shown: Shown): readonly Column<ApiKey>[] {
  const account: Column<ApiKey> = { id: "account", title: "Account", value: (row) => row.account, wide: true };
  return [
    {
      id: "name",
      title: "Key",
      value: (row) => `${row.name} ${row.prefix} ${Object.entries(row.tags).flat().join(" ")}`,
      cell: (row) => (
        <>
          {row.name || "–"} {row.prefix === "" ? null : <code className="muted wide">{row.prefix}…</code>}
        </>
      ),
    },
    ...(shown.whose ? [account] : []),
    { id: "status", title: "State", value: (row) => row.status, cell: (row) => <Badge state={row.status} /> },
    { id: "scopes", title: "May", value: (row) => row.scopes.join(", "), wide: true },
    {
      id: "budget",
      title: "Budget",
      value: (row) => row.limits.budget?.micro_usd,
      cell: budgetText,
      align: "right",
      wide: true,
    },
    { id: "limits", title: "Limits", value: limitsText, wide: true },
    {
      id: "created",
      title: "Made",
      value: (row) => row.created_at,
      cell: (row) => timeText(row.created_at),
      wide: true,
    },
    {
      id: "actions",
      title: "",
      value: () => "",
      unsorted: true,
      align: "right",
      cell: (row) => <KeyActions entry={row} {...shown} />,
    },
  ];
}

function budgetText({ limits: { budget } }: ApiKey): string {
  if (budget === null) return "no limit";
  return `${usdText(budget.micro_usd)}${budget.reset === "never" ? "" : ` ${RESET_WORDS[budget.reset]}`}`;
}

function limitsText({ limits, allowed_models: models, expires_at: endsAt }: ApiKey): string {
  const told = [
    limits.requests_per_minute === null ? "" : `${wholeText(limits.requests_per_minute)} requests / min`,
    limits.tokens_per_minute === null ? "" : `${wholeText(limits.tokens_per_minute)} tokens / min`,
    limits.concurrency === null ? "" : `${limits.concurrency} at once`,
    models === null ? "" : models.join(" "),
    endsAt === null ? "" : `until ${timeText(endsAt)}`,
  ];
  return told.filter(Boolean).join(", ") || "none";
}

function KeyActions({ entry, route, onIssued, again }: Shown & { readonly entry: ApiKey }): ReactNode {
  if (entry.status !== "active") return null;
  const path = `${route}/${encodeURIComponent(entry.id)}`;
  const name = entry.name || entry.prefix;
  return (
    <span className="actions">
      <ConfirmButton
        label="Rotate"
        title={`Rotate ${name}`}
        consequence="It gets another secret, and the old one stays good for an hour, so that programs can be changed over."
        act={async () =>
          onIssued(await ask<IssuedKey>(`${path}/rotate`, { method: "POST", body: { overlap_seconds: 3_600 } }))
        }
        onDone={again}
      />
      <ConfirmButton
        label="Revoke"
        title={`Revoke ${name}`}
        consequence="Whoever uses it is refused from now on, for good."
        danger
        act={() => ask(path, { method: "DELETE" })}
        onDone={again}
      />
    </span>
  );
}
