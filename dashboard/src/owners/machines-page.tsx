import type { ReactNode } from "react";
import { useAnswer, useRefresh, useWholeList } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { Machine, MachineDetail, Provider } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { ConfirmButton } from "../components/confirm.js";
import { Loaded } from "../components/loaded.js";
import { useNow } from "../components/now.js";
import { Card, Facts, Page, Stat, Stats } from "../components/page.js";
import { Empty } from "../components/states.js";
import { bytesText, percentText, rateText, wholeText } from "../format/amounts.js";
import { plain } from "../format/codes.js";
import { FLEET_STATES, inFlightOf, stateOf } from "../format/fleet-state.js";
import { agoText, durationText, timeText } from "../format/times.js";
import { whyNoWork } from "../format/why-no-work.js";
import { PauseButton } from "./pause-button.js";

const CONNECTED = "/v1/me/providers";
const ENROLLED = "/v1/machines";
const POLL_MS = 5_000;

/** An owner's machines: what each does, and if it does nothing, why. */
export function MachinesPage(): ReactNode {
  const connected = useWholeList<Provider>(CONNECTED, { everyMs: POLL_MS });
  const enrolled = useWholeList<Machine>(ENROLLED, { everyMs: POLL_MS });
  return (
    <Page title="Your machines" lead="What each of them does now. If one has nothing to do, why.">
      <Loaded query={connected} lines={6}>
        {(providers) => <Connected providers={providers} />}
      </Loaded>
      <Card title="Enrolled">
        <Loaded query={enrolled}>{(machines) => <Enrolled machines={machines} />}</Loaded>
      </Card>
    </Page>
  );
}

function Connected({ providers }: { readonly providers: readonly Provider[] }): ReactNode {
  if (providers.length === 0) {
    return (
      <Card>
        <Empty title="None of your machines is connected">
          On the machine: <code>hearth-agent init</code>, <code>hearth-agent login</code>, then{" "}
          <code>hearth-agent start</code>. The page for enrolment takes the code that it shows.
        </Empty>
      </Card>
    );
  }
  const serving = providers.filter(({ status }) => status === "serving");
  return (
    <>
      <Stats>
        <Stat
          label="Connected"
          value={wholeText(serving.length)}
          hint={`of ${wholeText(providers.length)} that were here lately`}
        />
        <Stat label="Requests now" value={wholeText(providers.reduce((sum, each) => sum + inFlightOf(each), 0))} />
      </Stats>
      {providers.map((each) => (
        <MachineCard key={each.id} provider={each} />
      ))}
    </>
  );
}

const BADGES = {
  busy: "running",
  idle: "serving",
  troubled: "failed",
  draining: "draining",
  offline: "offline",
} as const;

function MachineCard({ provider }: { readonly provider: Provider }): ReactNode {
  const state = stateOf(provider);
  // A coordinator that does not tell leaves the page to what the machine itself has said.
  const told = useAnswer<MachineDetail>(`/v1/me/machines/${encodeURIComponent(provider.id)}`);
  return (
    <Card
      title={provider.name ?? provider.id.slice(0, 12)}
      actions={<Badge state={BADGES[state]}>{FLEET_STATES[state].title}</Badge>}
    >
      <WhyNoWork provider={provider} told={told.data} />
      <Facts
        facts={[
          ["Models", provider.models.map(({ id }) => id).join(", ") || "none"],
          ["Requests now", wholeText(inFlightOf(provider))],
          ["Speed", `${rateText(provider.models[0]?.slot?.decode_tps)} tokens / s`],
          [
            "Memory",
            `${bytesText(provider.vitals.memory_free_bytes)} free of ${bytesText(provider.hardware.memory_bytes)}`,
          ],
          ["Record", `${provider.reputation.score} of 100`],
          ["Trust", plain(provider.trust)],
          ["Connected", provider.status === "offline" ? "not now" : durationText(provider.connected_ms)],
          ["Agent", provider.agent_version],
          ...lastHour(told.data),
        ]}
      />
      <PauseButton provider={provider} paused={told.data?.paused ?? null} />
    </Card>
  );
}

/** What it had of the last hour, where the coordinator tells. */
function lastHour(told: MachineDetail | undefined): readonly (readonly [string, string])[] {
  if (told?.last_hour === undefined) return [];
  const { picked, lost, share, late, failed } = told.last_hour;
  return [
    ["Last hour", `chosen ${wholeText(picked)} times, others ${wholeText(lost)}`],
    ["Share of its models", share === null ? "no requests" : percentText(share)],
    ["Late, failed", `${wholeText(late)}, ${wholeText(failed)}`],
    ["Last request", told.last_request == null ? "none lately" : timeText(told.last_request.created_at)],
  ];
}

function WhyNoWork({
  provider,
  told,
}: {
  readonly provider: Provider;
  readonly told: MachineDetail | undefined;
}): ReactNode {
  const reasons = told?.advice ?? whyNoWork(provider);
  if (reasons.length === 0) return null;
  return (
    <ul className="why">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}

function Enrolled({ machines }: { readonly machines: readonly Machine[] }): ReactNode {
  const now = useNow();
  const refresh = useRefresh();
  if (machines.length === 0)
    return <Empty title="No machine has enrolled yet">Those that use a shared token are not listed here.</Empty>;
  return (
    <ul className="entries">
      {machines.map((machine) => (
        <li key={machine.id} className="bar-label">
          <span>
            <b>{machine.name || machine.id}</b> <span className="muted">{machine.platform}</span>
            <br />
            <span className="muted">
              seen {agoText(machine.last_seen_at, now)} · <code>{machine.fingerprint}</code>
            </span>
          </span>
          {machine.status === "revoked" ? (
            <Badge state="revoked" />
          ) : (
            <ConfirmButton
              label="Take out"
              title={`Take ${machine.name || machine.id} out`}
              consequence="Its token is void and its connection is closed at once. To come back it has to be enrolled anew."
              danger
              act={() => ask(`${ENROLLED}/${encodeURIComponent(machine.id)}`, { method: "DELETE" })}
              onDone={() => refresh(ENROLLED, CONNECTED)}
            />
          )}
        </li>
      ))}
    </ul>
  );
}
