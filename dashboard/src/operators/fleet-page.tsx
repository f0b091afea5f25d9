import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { Link } from "wouter";
import type { LiveFleet } from "../api/live-fleet.js";
import { useWholeList } from "../api/queries.js";
import type { Provider } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { type Column, DataTable } from "../components/data-table.js";
import { FleetMap } from "../components/fleet-map.js";
import { Loaded } from "../components/loaded.js";
import { Card, Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { bytesText, wholeText } from "../format/amounts.js";
import { FLEET_STATES, type FleetState, inFlightOf, stateOf, withChanges } from "../format/fleet-state.js";
import { durationText } from "../format/times.js";
import { useLiveFleet } from "./use-live.js";

/** Where changes are not told as they happen. */
const POLL_MS = 10_000;
/** Where they are: records, trust and models change seldom. */
const LIVE_POLL_MS = 5 * 60_000;
/** The list is long: who is new on it is there this late at most. */
const NEW_MS = 5_000;

const COLUMNS: readonly Column<Provider>[] = [
  {
    id: "name",
    title: "Machine",
    value: (row) => `${row.label ?? row.name ?? ""} ${row.id}`,
    cell: (row) => (
      <Link href={`/fleet/${encodeURIComponent(row.id)}`} title={row.id}>
        {row.label || row.name || row.id.slice(0, 12)}
      </Link>
    ),
  },
  { id: "state", title: "State", value: stateOf, cell: (row) => <StateBadge state={stateOf(row)} /> },
  { id: "in_flight", title: "In flight", value: inFlightOf, align: "right" },
  {
    id: "models",
    title: "Models",
    value: (row) => row.models.map(({ id }) => id).join(", "),
    wide: true,
  },
  { id: "chip", title: "Hardware", value: hardwareOf, wide: true },
  { id: "score", title: "Record", value: (row) => row.reputation.score, align: "right" },
  { id: "trust", title: "Trust", value: (row) => row.trust, cell: (row) => row.trust.replace("_", " "), wide: true },
  { id: "version", title: "Agent", value: (row) => row.agent_version, wide: true },
  { id: "account", title: "Account", value: (row) => row.account, wide: true },
  {
    id: "connected",
    title: "Connected",
    value: (row) => row.connected_ms,
    cell: (row) => (row.status === "offline" ? "–" : durationText(row.connected_ms)),
    align: "right",
    wide: true,
  },
];

function hardwareOf({ hardware }: Provider): string {
  const chip = hardware.chip ?? `${hardware.platform} ${hardware.arch}`;
  return `${chip}, ${bytesText(hardware.memory_bytes)}`;
}

const BADGES: Readonly<Record<FleetState, string>> = {
  busy: "running",
  idle: "serving",
  troubled: "failed",
  draining: "draining",
  offline: "offline",
};

function StateBadge({ state }: { readonly state: FleetState }): ReactNode {
  return <Badge state={BADGES[state]}>{FLEET_STATES[state].title}</Badge>;
}

/** Every machine that is connected or expected back. */
export function FleetPage(): ReactNode {
  const live = useLiveFleet();
  const fleet = useFleet(live);
  return (
    <Page
      title="Fleet"
      lead="Every machine that is connected or expected back."
      actions={live.isLive ? <Badge state="serving">Live</Badge> : null}
    >
      <Loaded query={fleet} lines={8}>
        {(providers) => <Fleet providers={withChanges(providers, live.changes)} />}
      </Loaded>
    </Page>
  );
}

/** The list, asked for again when what was told since is not all of it, or speaks of machines that it has not. */
function useFleet({ isLive, epoch, changes }: LiveFleet): UseQueryResult<readonly Provider[]> {
  const fleet = useWholeList<Provider>("/admin/providers", { everyMs: isLive ? LIVE_POLL_MS : POLL_MS });
  const { data, refetch } = fleet;
  useEffect(() => {
    // One that is on its way has hardly begun.
    if (epoch > 0) void refetch({ cancelRefetch: false });
  }, [epoch, refetch]);
  const hasNew = useMemo(() => {
    if (data === undefined) return false;
    const known = new Set(data.map(({ id }) => id));
    return [...changes].some(([id, now]) => now !== null && !known.has(id));
  }, [data, changes]);
  useEffect(() => {
    if (!hasNew) return;
    const timer = setTimeout(() => void refetch({ cancelRefetch: false }), NEW_MS);
    return () => clearTimeout(timer);
  }, [hasNew, refetch]);
  return fleet;
}

function Fleet({ providers }: { readonly providers: readonly Provider[] }): ReactNode {
  const [only, setOnly] = useState<FleetState>();
  const shown = useMemo(
    () => (only === undefined ? providers : providers.filter((each) => stateOf(each) === only)),
    [providers, only],
  );
  if (providers.length === 0) {
    return (
      <Card>
        <Empty title="No machine is connected">
          On a machine: <code>hearth-agent login</code>, then <code>hearth-agent start</code>. It shows up here within
          seconds.
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <StateCards providers={providers} only={only} onOnly={setOnly} />
      <Card title="Map" className="map-card">
        <FleetMap providers={providers} />
      </Card>
      <DataTable
        label="Machines"
        rows={shown}
        columns={COLUMNS}
        idOf={(row) => row.id}
        search="Name, model, chip, account …"
        order={{ column: "in_flight", descending: true }}
      />
    </>
  );
}

interface StateCardsProps {
  readonly providers: readonly Provider[];
  readonly only: FleetState | undefined;
  readonly onOnly: (state: FleetState | undefined) => void;
}

function StateCards({ providers, only, onOnly }: StateCardsProps): ReactNode {
  const counts = useMemo(() => {
    const found = new Map<FleetState, number>();
    for (const each of providers) found.set(stateOf(each), (found.get(stateOf(each)) ?? 0) + 1);
    return found;
  }, [providers]);
  return (
    <fieldset className="state-cards">
      <legend className="hidden">Show machines of one state only</legend>
      {(Object.keys(FLEET_STATES) as FleetState[]).map((state) => (
        <button
          key={state}
          type="button"
          className="state-card"
          aria-pressed={only === state}
          title={FLEET_STATES[state].words}
          onClick={() => onOnly(only === state ? undefined : state)}
        >
          <span className="state-name">
            <i style={{ background: `var(${FLEET_STATES[state].color})` }} />
            {FLEET_STATES[state].title}
          </span>
          <b>{wholeText(counts.get(state) ?? 0)}</b>
        </button>
      ))}
    </fieldset>
  );
}
