import { type ReactNode, useMemo, useState } from "react";
import type { Catalog } from "../api/config-types.js";
import { useAnswer, useWholeList } from "../api/queries.js";
import type { AdminModel, Provider } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Loaded } from "../components/loaded.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { rateText, usdText, wholeText } from "../format/amounts.js";
import { type ServedModel, servedModels } from "../format/served-models.js";
import { CatalogDialog, type Edited } from "./catalog-dialog.js";

const POLL_MS = 10_000;

/** What the fleet serves, on how many machines, how full they are, and what it costs. */
export function ModelsPage(): ReactNode {
  const fleet = useWholeList<Provider>("/admin/providers", { everyMs: POLL_MS });
  const told = useWholeList<AdminModel>("/admin/models", { everyMs: POLL_MS });
  const catalog = useAnswer<Catalog>("/admin/catalog", { everyMs: POLL_MS });
  const [edited, setEdited] = useState<Edited>();
  const isThere = catalog.data !== undefined;
  const columns = useMemo(() => [nameColumn(isThere ? setEdited : undefined), ...COLUMNS], [isThere]);
  const rows = useMemo(() => servedModels(fleet.data ?? [], told.data ?? []), [fleet.data, told.data]);
  return (
    <Page
      title="Models"
      lead="What the fleet serves now, on how many machines, and how full they are. Prices are for a million tokens."
      actions={
        catalog.data === undefined ? null : (
          <button type="button" className="button" onClick={() => setEdited({ alias: "" })}>
            Add an alias
          </button>
        )
      }
    >
      <Loaded query={fleet} lines={6}>
        {() => (
          <DataTable
            label="Models"
            rows={rows}
            columns={columns}
            idOf={(row) => row.id}
            search="Name …"
            order={{ column: "in_flight", descending: true }}
            empty={<Empty title="No model is served now" />}
          />
        )}
      </Loaded>
      {edited === undefined || catalog.data === undefined ? null : (
        <CatalogDialog edited={edited} catalog={catalog.data} onClose={() => setEdited(undefined)} />
      )}
    </Page>
  );
}

function stateOf({ enabled, serving }: ServedModel): string {
  if (!enabled) return "switched off";
  return serving > 0 ? "served" : "away";
}

/** The name of a model; where the catalog may be changed it opens what is said of it. */
function nameColumn(edit: ((edited: Edited) => void) | undefined): Column<ServedModel> {
  return {
    id: "id",
    title: "Model",
    value: (row) => `${row.id} ${row.builds.join(" ")}`,
    cell: ({ id, builds }) => (
      <>
        {edit === undefined ? (
          <b>{id}</b>
        ) : (
          <button
            type="button"
            className="text-button"
            aria-label={`Edit ${id}`}
            onClick={() => edit(builds.length > 0 ? { alias: id } : { model: id })}
          >
            {id}
          </button>
        )}
        {builds.length === 0 ? null : <span className="muted after-badge">{builds.join(", then ")}</span>}
      </>
    ),
  };
}

/** What it costs where its owner asks nothing of his own, and the range where owners do. */
function priceText({ prices }: ServedModel, member: "input_micro_usd" | "output_micro_usd"): string {
  if (prices === null) return "–";
  const [least, most] = [prices.cheapest[member], prices.dearest[member]];
  return least === most ? usdText(most) : `${usdText(least)} … ${usdText(most)}`;
}

const COLUMNS: readonly Column<ServedModel>[] = [
  {
    id: "state",
    title: "State",
    value: stateOf,
    cell: (row) => <Badge state={stateOf(row) === "served" ? "serving" : "offline"}>{stateOf(row)}</Badge>,
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
    wide: true,
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
