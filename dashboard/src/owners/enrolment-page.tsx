import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useRefresh, useWholeList } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { EnrolmentToken, List } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { ConfirmButton, FormError } from "../components/confirm.js";
import { Copy } from "../components/copy.js";
import { type Column, DataTable } from "../components/data-table.js";
import { TextField } from "../components/fields.js";
import { Loaded } from "../components/loaded.js";
import { Card, Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { timeText } from "../format/times.js";

const TOKENS = "/v1/enrolment-tokens";

/** Letting machines in: by the code that one shows, or by a token for those with nobody in front of them. */
export function EnrolmentPage(): ReactNode {
  return (
    <Page title="Add machines" lead="A machine shows a code that you approve; or, for many, each uses a token once.">
      <div className="grid">
        <Card title="By the code that it shows">
          <DeviceCode />
        </Card>
        <Card title="By a token">
          <NewToken />
        </Card>
      </div>
      <Card title="Tokens">
        <Tokens />
      </Card>
    </Page>
  );
}

/** The page for that is one of its own, without any script. */
function DeviceCode(): ReactNode {
  const [code, setCode] = useState("");
  return (
    <form className="form" action="/device" method="get">
      <p className="muted">
        On the machine run <code>hearth-agent login</code>. On the next page compare the fingerprint that both show,
        then approve it.
      </p>
      <TextField
        label="Code"
        name="user_code"
        value={code}
        onChange={setCode}
        placeholder="WDJB-MJHT"
        required
        autoComplete="off"
      />
      <div className="actions">
        <button type="submit" className="button button-main">
          Go on
        </button>
      </div>
    </form>
  );
}

function NewToken(): ReactNode {
  const [note, setNote] = useState("");
  const refresh = useRefresh();
  const make = useMutation({
    mutationFn: () =>
      ask<List<{ readonly id: string; readonly token: string }>>(TOKENS, {
        method: "POST",
        body: { note: note.trim() },
      }),
    onSuccess: () => refresh(TOKENS),
  });
  const token = make.data?.data[0]?.token;
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <TextField
        label="Note"
        value={note}
        onChange={setNote}
        placeholder="rack 4"
        hint="It is good for a day, and for one machine."
      />
      {make.error === null ? null : <FormError error={make.error} />}
      {token === undefined ? null : (
        <>
          <p className="form-done" role="status">
            Copy it now: it is shown this once. On the machine:{" "}
            <code>HEARTH_ENROLMENT_TOKEN=… hearth-agent login --enrolment-token</code>
          </p>
          <Copy text={token} label="The token" />
        </>
      )}
      <div className="actions">
        <button type="submit" className="button button-main" disabled={make.isPending}>
          Make a token
        </button>
      </div>
    </form>
  );
}

function Tokens(): ReactNode {
  const tokens = useWholeList<EnrolmentToken>(TOKENS);
  const refresh = useRefresh();
  const columns: readonly Column<EnrolmentToken>[] = [
    { id: "note", title: "Note", value: (row) => row.note || row.id },
    { id: "status", title: "State", value: (row) => row.status, cell: (row) => <Badge state={row.status} /> },
    {
      id: "created",
      title: "Made",
      value: (row) => row.created_at,
      cell: (row) => timeText(row.created_at),
      wide: true,
    },
    {
      id: "ends",
      title: "Good until",
      value: (row) => row.expires_at,
      cell: (row) => timeText(row.expires_at),
      wide: true,
    },
    {
      id: "actions",
      title: "",
      value: () => "",
      unsorted: true,
      align: "right",
      cell: (row) =>
        row.status !== "unused" ? null : (
          <ConfirmButton
            label="End"
            title="End this token"
            consequence="No machine can enrol with it any more."
            danger
            act={() => ask(`${TOKENS}/${encodeURIComponent(row.id)}`, { method: "DELETE" })}
            onDone={() => refresh(TOKENS)}
          />
        ),
    },
  ];
  return (
    <Loaded query={tokens}>
      {(rows) => (
        <DataTable
          label="Tokens"
          rows={rows}
          columns={columns}
          idOf={(row) => row.id}
          order={{ column: "created", descending: true }}
          empty={<Empty title="No token yet" />}
        />
      )}
    </Loaded>
  );
}
