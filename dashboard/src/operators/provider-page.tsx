import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useParams } from "wouter";
import type { Account } from "../api/account-types.js";
import { useAnswer, useRefresh } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { List, Provider, ProviderDetail } from "../api/types.js";
import { ConfirmButton, FormError } from "../components/confirm.js";
import { DataTable } from "../components/data-table.js";
import { Field, TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";
import { Gates } from "../components/gates.js";
import { Loaded } from "../components/loaded.js";
import { Card, Facts, Page, Stat, Stats } from "../components/page.js";
import { requestColumns } from "../components/request-parts.js";
import { bytesText, percentText, rateText, wholeText } from "../format/amounts.js";
import { plain } from "../format/codes.js";
import { FLEET_STATES, inFlightOf, stateOf } from "../format/fleet-state.js";
import { durationText } from "../format/times.js";

const ROUTE = "/admin/providers";
const POLL_MS = 5_000;
const COLUMNS = requestColumns("/requests", true);

/** One machine: how it stands, what keeps requests away, and what an operator can do about it. */
export function ProviderPage(): ReactNode {
  const { id = "" } = useParams();
  const query = useAnswer<ProviderDetail>(`${ROUTE}/${encodeURIComponent(id)}`, { everyMs: POLL_MS });
  const provider = query.data;
  return (
    <Page
      title={provider?.label || provider?.name || "Machine"}
      lead={<code>{id}</code>}
      actions={provider === undefined ? null : <Actions provider={provider} />}
    >
      <Loaded query={query} lines={8}>
        {(found) => <Shown provider={found} />}
      </Loaded>
    </Page>
  );
}

const ACTIONS = [
  ["drain", "Drain", "It finishes what runs and gets nothing new, also after a restart, until it is resumed."],
  ["resume", "Resume", "It gets requests again."],
  ["disconnect", "Disconnect", "Its connection is closed and what runs on it ends. It may come back at once."],
  ["untrust", "Withdraw trust", "Its connection is closed, and it gets no requests for a while even if it comes back."],
] as const;

function Actions({ provider }: { readonly provider: Provider }): ReactNode {
  const [isMoving, setMoving] = useState(false);
  return (
    <>
      <StateActions provider={provider} />
      <button type="button" className="button" onClick={() => setMoving(true)}>
        Change owner
      </button>
      {isMoving ? <OwnerDialog provider={provider} onClose={() => setMoving(false)} /> : null}
    </>
  );
}

/** Gives a machine to another account. */
function OwnerDialog({ provider, onClose }: { readonly provider: Provider; readonly onClose: () => void }): ReactNode {
  const accounts = useAnswer<List<Account>>("/admin/accounts?limit=1000");
  const [account, setAccount] = useState("");
  const refresh = useRefresh();
  const sending = useMutation({
    mutationFn: () => ask(`${ROUTE}/${encodeURIComponent(provider.id)}/owner`, { method: "PUT", body: { account } }),
    onSuccess: () => {
      refresh(ROUTE, "/admin/machines");
      onClose();
    },
  });
  return (
    <FormDialog
      title="Change owner"
      action="Change owner"
      sending={sending}
      isIncomplete={account === ""}
      onClose={onClose}
    >
      <p>
        It is {provider.account}&rsquo;s now. It keeps its token and connects anew; what it earns from then on is the
        new owner&rsquo;s. What runs, and what was, stays {provider.account}&rsquo;s.
      </p>
      <TextField label="New owner" value={account} onChange={setAccount} list="owners" hint="The id of an account." />
      <datalist id="owners">
        {(accounts.data?.data ?? []).map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
    </FormDialog>
  );
}

function StateActions({ provider }: { readonly provider: Provider }): ReactNode {
  const refresh = useRefresh();
  return ACTIONS.filter(([action]) => action !== (provider.status === "draining" ? "drain" : "resume")).map(
    ([action, label, consequence]) => (
      <ConfirmButton
        key={action}
        label={label}
        title={`${label}: ${provider.label || provider.name || provider.id.slice(0, 12)}`}
        consequence={consequence}
        danger={action === "disconnect" || action === "untrust"}
        act={() => ask(`${ROUTE}/${encodeURIComponent(provider.id)}/${action}`, { method: "POST" })}
        onDone={() => refresh(ROUTE)}
      />
    ),
  );
}

function Shown({ provider }: { readonly provider: ProviderDetail }): ReactNode {
  const { vitals, reputation, hardware, recent_requests: recent } = provider;
  return (
    <>
      <Stats>
        <Stat
          label="State"
          value={FLEET_STATES[stateOf(provider)].title}
          hint={FLEET_STATES[stateOf(provider)].words}
        />
        <Stat label="In flight" value={wholeText(inFlightOf(provider))} />
        <Stat
          label="Record"
          value={`${reputation.score}`}
          hint="of 100"
          tone={reputation.score < 50 ? "bad" : undefined}
        />
        <Stat
          label="Connected"
          value={durationText(provider.connected_ms)}
          hint={`heard ${durationText(provider.heartbeat_age_ms)} ago`}
        />
      </Stats>
      {(provider.distrusted_ms ?? 0) > 0 ? (
        <p className="form-error">
          It gets no requests for another {durationText(provider.distrusted_ms)}: trust in it was withdrawn.
        </p>
      ) : null}
      <Card title="Models, and what stops them">
        <Models provider={provider} />
      </Card>
      <Card title="The machine">
        <Facts
          facts={[
            ["Account", provider.account],
            ["Chip", hardware.chip ?? `${hardware.platform} ${hardware.arch}`],
            ["Memory", `${bytesText(vitals.memory_free_bytes)} free of ${bytesText(hardware.memory_bytes)}`],
            ["Load", `CPU ${percentText(vitals.cpu_load)}, GPU ${percentText(vitals.gpu_load)}`],
            ["Heat", vitals.thermal ?? "–"],
            ["Trust", plain(provider.trust)],
            ["Agent", provider.agent_version],
            ["Held against it", heldText(provider)],
          ]}
        />
      </Card>
      {recent === undefined ? null : (
        <Card title="Its latest requests">
          <DataTable label="Its latest requests" rows={recent} columns={COLUMNS} idOf={(row) => row.id} />
        </Card>
      )}
      <Card title="Your own words for it">
        <NoteForm key={provider.id} provider={provider} />
      </Card>
    </>
  );
}

function heldText({ reputation }: Provider): string {
  const held = Object.entries(reputation.reasons).filter(([, mark]) => mark !== undefined);
  return held.length === 0 ? "nothing" : held.map(([reason, mark]) => `${mark?.count} × ${plain(reason)}`).join(", ");
}

function Models({ provider }: { readonly provider: ProviderDetail }): ReactNode {
  return (
    <ul className="entries">
      {provider.models.map((model) => {
        const told = provider.eligibility?.find((each) => each.model === model.id);
        return (
          <li key={model.id}>
            <div className="bar-label">
              <span>
                <b>{model.id}</b>{" "}
                <span className="muted">
                  {[model.quantization, model.backend?.kind, `${rateText(model.slot?.decode_tps)} tokens / s`]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </span>
              <span className="muted">
                {model.slot?.max_concurrency === undefined
                  ? `${model.in_flight} in flight`
                  : `${model.in_flight} of ${model.slot.max_concurrency} slots`}
              </span>
            </div>
            {told === undefined ? null : <Gates gates={told.gates} />}
          </li>
        );
      })}
    </ul>
  );
}

function NoteForm({ provider }: { readonly provider: ProviderDetail }): ReactNode {
  const [label, setLabel] = useState(provider.label ?? "");
  const [notes, setNotes] = useState(provider.notes ?? "");
  const refresh = useRefresh();
  const save = useMutation({
    mutationFn: () =>
      ask(`${ROUTE}/${encodeURIComponent(provider.id)}`, {
        method: "PATCH",
        body: { label: label || null, notes: notes || null },
      }),
    onSuccess: () => refresh(ROUTE),
  });
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextField
        label="Label"
        value={label}
        onChange={setLabel}
        hint="Shown instead of the name that the machine gives itself."
      />
      <Field label="Notes">
        {(id) => <textarea id={id} value={notes} onChange={(event) => setNotes(event.target.value)} />}
      </Field>
      {save.error === null ? null : <FormError error={save.error} />}
      {save.isSuccess ? (
        <p className="form-done" role="status">
          Saved.
        </p>
      ) : null}
      <div className="actions">
        <button type="submit" className="button button-main" disabled={save.isPending}>
          Save
        </button>
      </div>
    </form>
  );
}
