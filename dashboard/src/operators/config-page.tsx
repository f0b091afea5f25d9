import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Config, EnvironmentVariable, Members, Setting, SettingsChange } from "../api/config-types.js";
import { useAnswer, useRefresh } from "../api/queries.js";
import { ask } from "../api/request.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Field } from "../components/fields.js";
import { Loaded } from "../components/loaded.js";
import { Card, Page } from "../components/page.js";
import { ChangeList, SettingsProblems, settingText } from "../components/settings-parts.js";
import { Spinner } from "../components/states.js";
import { draftOf, readDraft } from "../format/settings-draft.js";
import { timeText } from "../format/times.js";
import { CommonSettings } from "./common-settings.js";

const ROUTE = "/admin/config";

/** What the coordinator goes by, where it comes from, and how to change it. */
export function ConfigPage(): ReactNode {
  const config = useAnswer<Config>(ROUTE);
  return (
    <Page
      title="Configuration"
      lead="What this coordinator goes by. Settings count as soon as they are saved; the environment is read at the start."
    >
      <Loaded query={config} lines={10}>
        {(told) => (
          <>
            <Rejected config={told} />
            <Editor config={told} />
            <Card title="Every setting">
              <DataTable
                label="Every setting"
                rows={told.settings}
                columns={SETTINGS}
                idOf={(row) => row.name}
                search="Name …"
              />
            </Card>
            <Card title="Environment">
              <p className="muted table-note">A change of one of these needs a restart. Secrets are not shown.</p>
              <DataTable
                label="Environment"
                rows={told.environment}
                columns={ENVIRONMENT}
                idOf={(row) => row.name}
                search="Name …"
              />
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Rejected({ config: { rejected } }: { readonly config: Config }): ReactNode {
  if (rejected === null) return null;
  return (
    <div className="form-error" role="alert">
      <p>
        The file was read again at {timeText(rejected.at)} and is not valid. What it said before still counts; saving
        here replaces it.
      </p>
      <ul className="problems">
        {rejected.problems.map((problem) => (
          <li key={problem}>{problem}</li>
        ))}
      </ul>
    </div>
  );
}

const placeText = ({ kept_in: place }: Config): string =>
  place === null ? "It is kept nowhere: a restart forgets what is changed here." : `It is kept in ${place.path}.`;

/** The settings as they are being edited, as a form and as the document that both come to. */
function Editor({ config }: { readonly config: Config }): ReactNode {
  const [draft, setDraft] = useState<string>();
  // What was seen when the editing began: who else has changed it since must not be overwritten.
  const [seen, setSeen] = useState(config.etag);
  const refresh = useRefresh();
  const text = draft ?? draftOf(config.document);
  const document = readDraft(text);
  const send = (dryRun: boolean): Promise<SettingsChange> =>
    ask(`${ROUTE}${dryRun ? "?dry_run=true" : ""}`, { method: "PUT", body: document, headers: { "If-Match": seen } });
  const trial = useMutation({ mutationFn: () => send(true) });
  const saving = useMutation({
    mutationFn: () => send(false),
    onSuccess: (changed) => {
      setSeen(changed.etag);
      setDraft(undefined);
      trial.reset();
      refresh("/admin");
    },
  });
  const edit = (next: string): void => {
    if (draft === undefined) setSeen(config.etag);
    setDraft(next);
    trial.reset();
    saving.reset();
  };
  const discard = (): void => {
    setDraft(undefined);
    setSeen(config.etag);
    trial.reset();
    saving.reset();
    refresh(ROUTE);
  };
  const editMember = (next: Members): void => edit(draftOf(next));
  return (
    <>
      {document === undefined ? null : (
        <Card title="What is changed most">
          <CommonSettings document={document} settings={config.settings} onChange={editMember} />
        </Card>
      )}
      <Card title="The document">
        <div className="form">
          <Field label="Settings as JSON" hint={`What is left out has its default. ${placeText(config)}`}>
            {(id, hintId) => (
              <textarea
                id={id}
                className="code-editor"
                aria-describedby={hintId}
                aria-invalid={document === undefined}
                spellCheck={false}
                value={text}
                onChange={(event) => edit(event.target.value)}
              />
            )}
          </Field>
          {document === undefined ? (
            <p className="form-error" role="alert">
              This is no JSON document yet.
            </p>
          ) : null}
          {trial.error === null ? null : <SettingsProblems error={trial.error} />}
          {saving.error === null ? null : <SettingsProblems error={saving.error} />}
          {saving.isSuccess && draft === undefined ? (
            <p className="form-done" role="status">
              Saved. It counts from now on.
            </p>
          ) : null}
          {trial.data === undefined ? null : <ChangeList changes={trial.data.changes} />}
          <div className="actions">
            <button
              type="button"
              className={trial.data === undefined ? "button button-main" : "button"}
              disabled={draft === undefined || document === undefined || trial.isPending}
              onClick={() => trial.mutate()}
            >
              {trial.isPending ? <Spinner /> : null} See what changes
            </button>
            <button
              type="button"
              className={trial.data === undefined ? "button" : "button button-main"}
              disabled={trial.data === undefined || saving.isPending}
              onClick={() => saving.mutate()}
            >
              {saving.isPending ? <Spinner /> : null} Save
            </button>
            <button type="button" className="button" disabled={draft === undefined} onClick={discard}>
              Discard
            </button>
          </div>
        </div>
      </Card>
    </>
  );
}

const SETTINGS: readonly Column<Setting>[] = [
  { id: "name", title: "Name", value: (row) => row.name, cell: (row) => <code>{row.name}</code> },
  {
    id: "value",
    title: "Value",
    value: (row) => settingText(row.value),
    cell: (row) => <span title={settingText(row.value)}>{settingText(row.value)}</span>,
  },
  { id: "default", title: "Default", value: (row) => settingText(row.default), wide: true },
  {
    id: "source",
    title: "From",
    value: (row) => (row.source === "file" ? "the document" : "default"),
    wide: true,
  },
];

const ENVIRONMENT: readonly Column<EnvironmentVariable>[] = [
  { id: "name", title: "Variable", value: (row) => row.name, cell: (row) => <code>{row.name}</code> },
  {
    id: "value",
    title: "Value",
    value: (row) => (row.secret ? "secret" : settingText(row.value)),
    cell: (row) => (
      <span className={row.secret || row.value === null ? "muted" : ""} title={settingText(row.value)}>
        {row.secret ? "not shown" : settingText(row.value)}
      </span>
    ),
  },
  { id: "source", title: "From", value: (row) => (row.source === "default" ? "default" : "environment"), wide: true },
];
