import { type ReactNode, useMemo } from "react";
import { useWholeList } from "../api/queries.js";
import type { AdminModel, Provider } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Loaded } from "../components/loaded.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { rateText, usdText, wholeText } from "../format/amounts.js";
import { type ServedModel, servedModels } from "../format/served-models.js";

const POLL_MS = 10_000;

/** What the fleet serves, on how many machines, how full they are, and what it costs. */
export function ModelsPage(): ReactNode {
  const fleet = useWholeList<Provider>("/admin/providers", { everyMs: POLL_MS });
  const told = useWholeList<AdminModel>("/admin/models", { everyMs: POLL_MS });
  const rows = useMemo(() => servedModels(fleet.data ?? [], told.data ?? []), [fleet.data, told.data]);
  return (
    <Page
      title="Models"
      lead="What the fleet serves now, on how many machines, and how full they are. Prices are for a million tokens."
    >
      <Loaded query={fleet} lines={6}>
        {() => (
          <DataTable
            label="Models"
            rows={rows}
            columns={COLUMNS}
            idOf={(row) => row.id}
            search="Name …"
            order={{ column: "in_flight", descending: true }}
            empty={<Empty title="No model is served now" />}
          />
        )}
      </Loaded>
    </Page>
  );
}

const stateOf = ({ serving }: ServedModel): string => (serving > 0 ? "served" : "away");

/** What it costs where its owner asks nothing of his own, and the range where owners do. */
function priceText({ prices }: ServedModel, member: "input_micro_usd" | "output_micro_usd"): string {
  if (prices === null) return "–";
  const [least, most] = [prices.cheapest[member], prices.dearest[member]];
  return least === most ? usdText(most) : `${usdText(least)} … ${usdText(most)}`;
}

const COLUMNS: readonly Column<ServedModel>[] = [
  {
    id: "id",
    title: "Model",
    value: (row) => `${row.id} ${row.builds.join(" ")}`,
    cell: (row) => (
      <>
        <b>{row.id}</b>
        {row.builds.length === 0 ? null : <span className="muted after-badge">{row.builds.join(", then ")}</span>}
      </>
    ),
  },
  {
    id: "state",
    title: "State",
    value: stateOf,
    cell: (row) => <Badge state={stateOf(row) === "served" ? "serving" : "offline"}>{stateOf(row)}</Badge>,
    wide: true,
  },
  {
    id: "machines",
    title: "Machines",
    value: (row) => row.serving,
    cell: (row) => `${wholeText(row.serving)} of ${wholeText(row.machines)}`,
    align: "right",
  },
  {
    id: "in_flight",
    title: "Slots taken",
    value: (row) => row.inFlight,
    cell: (row) => `${wholeText(row.inFlight)} of ${wholeText(row.slots)}`,
    align: "right",
  },
  { id: "waiting", title: "Waiting", value: (row) => row.waiting, align: "right", wide: true },
  { id: "crashed", title: "Crashed", value: (row) => row.crashed, align: "right", wide: true },
  {
    id: "tps",
    title: "Tokens / s",
    value: (row) => row.tokensPerSecond,
    cell: (row) => rateText(row.tokensPerSecond),
    align: "right",
    wide: true,
  },
  {
    id: "context",
    title: "Context",
    value: (row) => row.context,
    cell: (row) => wholeText(row.context),
    align: "right",
    wide: true,
  },
  {
    id: "read",
    title: "Read",
    value: (row) => row.prices?.dearest.input_micro_usd,
    cell: (row) => priceText(row, "input_micro_usd"),
    align: "right",
    wide: true,
  },
  {
    id: "written",
    title: "Written",
    value: (row) => row.prices?.dearest.output_micro_usd,
    cell: (row) => priceText(row, "output_micro_usd"),
    align: "right",
    wide: true,
  },
];
