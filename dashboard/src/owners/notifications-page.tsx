import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { NewNotifications, NoticeDelivery, Notifications } from "../api/account-types.js";
import { useAnswer, useRefresh } from "../api/queries.js";
import { ask } from "../api/request.js";
import { Badge } from "../components/badge.js";
import { ConfirmButton, FormError } from "../components/confirm.js";
import { Copy } from "../components/copy.js";
import { CheckField, SelectField, TextField } from "../components/fields.js";
import { Loaded } from "../components/loaded.js";
import { Card, Facts, Page } from "../components/page.js";
import { Spinner } from "../components/states.js";
import { timeText } from "../format/times.js";

const PATH = "/v1/me/notifications";

const EVENTS: Readonly<Record<string, string>> = {
  "machine.offline": "A machine is offline",
  "machine.fenced": "A machine is not trusted any more",
  "machine.back": "A machine is back",
  "budget.low": "A key has spent most of its budget",
  "budget.exhausted": "A key has come to the end of its budget",
  "balance.low": "The account's money goes down",
  "balance.exhausted": "The account's money is used up",
  "payout.paid": "A payout is paid",
  "payout.failed": "A payout has failed",
  "payout.returned": "A payout came back",
};

const FAILURES: Readonly<Record<string, string>> = {
  address_not_allowed: "Its address is not of the public internet, and this coordinator posts to no other.",
  no_such_host: "There is no host of this name.",
  no_connection: "Nobody takes the connection there.",
  no_answer: "It did not answer in time.",
  bad_certificate: "Its certificate is not good.",
};

const failureText = (failure: string): string =>
  FAILURES[failure] ?? `It answered ${failure.replace("status_", "")} instead of 2xx.`;

/** What an account hears of by webhook, and where. */
export function NotificationsPage(): ReactNode {
  const set = useAnswer<Notifications>(PATH);
  return (
    <Page title="Notifications" lead="What happens to your machines and your money is told to a webhook of yours.">
      <Loaded query={set} lines={6}>
        {(notifications) => (
          <div className="grid">
            <Card title="What to tell, and where">
              {/* What was set elsewhere is what the form begins with. */}
              <Wishes key={`${notifications.place} ${notifications.events}`} set={notifications} />
            </Card>
            {notifications.place === null ? null : <Standing set={notifications} place={notifications.place} />}
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function Wishes({ set }: { readonly set: Notifications }): ReactNode {
  const [url, setUrl] = useState("");
  const [format, setFormat] = useState(set.format);
  const [events, setEvents] = useState<ReadonlySet<string>>(
    () => new Set(set.place === null ? set.available_events.filter((each) => !each.endsWith("back")) : set.events),
  );
  const [isSecretNew, setSecretNew] = useState(false);
  const refresh = useRefresh();
  const save = useMutation({
    mutationFn: () =>
      ask<NewNotifications>(PATH, {
        method: "PUT",
        body: { url: url.trim(), format, events: [...events], new_secret: isSecretNew },
      }),
  });
  const toggle = (event: string, isWanted: boolean): void =>
    setEvents(new Set(isWanted ? [...events, event] : [...events].filter((each) => each !== event)));
  const secret = save.data?.secret;
  if (save.data !== undefined) {
    return (
      <>
        <p className="form-done" role="status">
          {secret == null
            ? "It is set, and signed with the secret of before."
            : "It is set. Its messages are signed with this secret: copy it now, it is shown this once."}
        </p>
        {secret == null ? null : <Copy text={secret} label="The secret" />}
        <div className="actions">
          <button type="button" className="button button-main" onClick={() => refresh(PATH)}>
            {secret == null ? "Go on" : "I have it"}
          </button>
        </div>
      </>
    );
  }
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextField
        label="Address"
        value={url}
        onChange={setUrl}
        placeholder="https://hooks.example/…"
        required
        autoComplete="off"
        {...(set.place === null
          ? {}
          : { hint: `It is at ${set.place} now. The path is not shown: enter the whole address again.` })}
      />
      <SelectField
        label="Form"
        value={format}
        onChange={setFormat}
        options={[
          ["json", "JSON, for programs"],
          ["slack", "Words, for Slack and those like it"],
        ]}
      />
      <fieldset>
        <legend>Tell when</legend>
        {set.available_events.map((event) => (
          <CheckField
            key={event}
            label={EVENTS[event] ?? event}
            checked={events.has(event)}
            onChange={(isWanted) => toggle(event, isWanted)}
          />
        ))}
      </fieldset>
      {set.place === null ? null : (
        <CheckField label="Make another secret for the signatures" checked={isSecretNew} onChange={setSecretNew} />
      )}
      {save.error === null ? null : <FormError error={save.error} />}
      <div className="actions">
        <button type="submit" className="button button-main" disabled={save.isPending || url.trim() === ""}>
          {save.isPending ? <Spinner /> : null} Save
        </button>
      </div>
    </form>
  );
}

function Standing({ set, place }: { readonly set: Notifications; readonly place: string }): ReactNode {
  const refresh = useRefresh();
  const test = useMutation({
    mutationFn: () => ask<NoticeDelivery>(`${PATH}/test`, { method: "POST" }),
    onSuccess: () => refresh(PATH),
  });
  const { last_delivery: last } = set;
  const outcome =
    last === null ? (
      "–"
    ) : (
      <Badge state={last.failure === null ? "success" : "failed"}>
        {last.failure === null ? "taken" : "not taken"}
      </Badge>
    );
  return (
    <Card title="How it stands">
      <div className="form">
        <Facts
          facts={[
            ["Goes to", `${place}/…`],
            ["Last message", last === null ? "none yet" : timeText(last.at)],
            ["It was", outcome],
          ]}
        />
        {last?.failure == null ? null : <p className="form-error">{failureText(last.failure)}</p>}
        {test.error === null ? null : <FormError error={test.error} />}
        {test.data?.failure === null ? (
          <p className="form-done" role="status">
            The test was taken.
          </p>
        ) : null}
        <div className="actions">
          <button type="button" className="button" disabled={test.isPending} onClick={() => test.mutate()}>
            {test.isPending ? <Spinner /> : null} Send a test
          </button>
          <ConfirmButton
            label="Tell nothing more"
            title="Tell nothing more"
            consequence="The address, its secret and what waits to be told are forgotten."
            danger
            act={() => ask(PATH, { method: "DELETE" })}
            onDone={() => refresh(PATH)}
          />
        </div>
      </div>
    </Card>
  );
}
