import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link, useParams } from "wouter";
import type { Account, Balance } from "../api/account-types.js";
import { useAnswer, useRefresh, useWholeList } from "../api/queries.js";
import { ask } from "../api/request.js";
import { Badge } from "../components/badge.js";
import { ConfirmButton } from "../components/confirm.js";
import { type Column, DataTable } from "../components/data-table.js";
import { TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";
import { KeyList } from "../components/key-list.js";
import { Loaded } from "../components/loaded.js";
import { Page, Stat, Stats } from "../components/page.js";
import { Empty } from "../components/states.js";
import { microUsdOf, usdText } from "../format/amounts.js";
import { timeText } from "../format/times.js";
import { EVERY_SCOPE } from "./scopes.js";

const ROUTE = "/admin/accounts";

const COLUMNS: readonly Column<Account>[] = [
  {
    id: "id",
    title: "Account",
    value: (row) => `${row.id} ${row.name}`,
    cell: (row) => (
      <>
        <Link href={`/accounts/${encodeURIComponent(row.id)}`}>{row.id}</Link> <span className="muted">{row.name}</span>
      </>
    ),
  },
  { id: "status", title: "State", value: (row) => row.status, cell: (row) => <Badge state={row.status} /> },
  { id: "parent", title: "Team of", value: (row) => row.parent, wide: true },
  {
    id: "budget",
    title: "Who pays",
    value: (row) => (row.budget === "shared" ? "the account above" : "itself"),
    wide: true,
  },
  { id: "concurrency", title: "At once", value: (row) => row.concurrency, align: "right", wide: true },
  { id: "created", title: "Made", value: (row) => row.created_at, cell: (row) => timeText(row.created_at), wide: true },
];

/** Everybody who has an account here. */
export function AccountsPage(): ReactNode {
  const accounts = useWholeList<Account>(ROUTE);
  const [making, setMaking] = useState(false);
  return (
    <Page
      title="Accounts"
      lead="Who uses this network, and who lends machines to it."
      actions={
        <button type="button" className="button button-main" onClick={() => setMaking(true)}>
          New account
        </button>
      }
    >
      <Loaded query={accounts} lines={6}>
        {(rows) => (
          <DataTable
            label="Accounts"
            rows={rows}
            columns={COLUMNS}
            idOf={(row) => row.id}
            search="Name …"
            empty={<Empty title="No account yet" />}
          />
        )}
      </Loaded>
      {making ? <NewAccountDialog onClose={() => setMaking(false)} /> : null}
    </Page>
  );
}

function NewAccountDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const refresh = useRefresh();
  const make = useMutation({
    mutationFn: () =>
      ask<Account>(ROUTE, {
        method: "POST",
        body: { ...(id.trim() === "" ? {} : { id: id.trim() }), name: name.trim() },
      }),
    onSuccess: () => {
      refresh(ROUTE);
      onClose();
    },
  });
  return (
    <FormDialog title="New account" action="Make the account" sending={make} onClose={onClose}>
      <TextField
        label="Id"
        value={id}
        onChange={setId}
        placeholder="made up where it is empty"
        hint="Letters, digits, dots and dashes. It stays for ever."
        autoFocus
      />
      <TextField label="Name" value={name} onChange={setName} />
    </FormDialog>
  );
}

/** One account: what it has, its keys, and whether it may go on. */
export function AccountPage(): ReactNode {
  const { id = "" } = useParams();
  const path = `${ROUTE}/${encodeURIComponent(id)}`;
  const account = useAnswer<Account>(path);
  const balance = useAnswer<Balance>(`${path}/balance`);
  return (
    <Page
      title={account.data?.name || id}
      lead={<code>{id}</code>}
      actions={account.data === undefined ? null : <AccountActions account={account.data} path={path} />}
    >
      <Loaded query={balance} lines={3}>
        {(found) => (
          <Stats>
            <Stat label="Can be spent" value={usdText(found.available_micro_usd)} />
            <Stat
              label="Bought or granted"
              value={usdText(found.credit.balance_micro_usd)}
              hint={`${usdText(found.credit.reserved_micro_usd)} set aside`}
            />
            <Stat label="Earned" value={usdText(found.earned.balance_micro_usd)} />
            <Stat label="Being paid out" value={usdText(found.pending_payouts_micro_usd)} />
          </Stats>
        )}
      </Loaded>
      <KeyList
        route="/admin/keys"
        listRoute={`${path}/keys`}
        newRoute={`${path}/keys`}
        scopes={EVERY_SCOPE}
        whose={false}
      />
    </Page>
  );
}

function AccountActions({ account, path }: { readonly account: Account; readonly path: string }): ReactNode {
  const [paying, setPaying] = useState(false);
  const refresh = useRefresh();
  const isActive = account.status === "active";
  return (
    <>
      <button type="button" className="button" onClick={() => setPaying(true)}>
        Add money
      </button>
      <ConfirmButton
        label={isActive ? "Suspend" : "Resume"}
        title={`${isActive ? "Suspend" : "Resume"} ${account.id}`}
        consequence={
          isActive
            ? "Its keys and machines, and those of its teams, are refused, and their connections close."
            : "Its keys and machines are good again."
        }
        danger={isActive}
        act={() => ask(path, { method: "PATCH", body: { status: isActive ? "suspended" : "active" } })}
        onDone={() => refresh(ROUTE)}
      />
      {paying ? <MoneyDialog path={path} onClose={() => setPaying(false)} /> : null}
    </>
  );
}

function MoneyDialog({ path, onClose }: { readonly path: string; readonly onClose: () => void }): ReactNode {
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const [key] = useState(() => crypto.randomUUID());
  const refresh = useRefresh();
  const microUsd = microUsdOf(amount);
  const deposit = useMutation({
    // Sent twice it is still one deposit.
    mutationFn: () =>
      ask(`${path}/deposits`, {
        method: "POST",
        headers: { "Idempotency-Key": key },
        body: { amount_micro_usd: microUsd, reason: reason.trim() },
      }),
    onSuccess: () => {
      refresh(path);
      onClose();
    },
  });
  return (
    <FormDialog
      title="Add money"
      action={`Add ${microUsd === undefined ? "" : usdText(microUsd)}`}
      sending={deposit}
      isIncomplete={!microUsd}
      onClose={onClose}
    >
      <TextField
        label="Amount, US dollars"
        value={amount}
        onChange={setAmount}
        inputMode="decimal"
        required
        autoFocus
      />
      <TextField label="What for" value={reason} onChange={setReason} placeholder="invoice 8" required />
    </FormDialog>
  );
}
