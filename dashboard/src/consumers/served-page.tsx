import type { ReactNode } from "react";
import { useAnswer } from "../api/queries.js";
import type { List, Model } from "../api/types.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Loaded } from "../components/loaded.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { wholeText } from "../format/amounts.js";
import { sentence } from "../format/codes.js";
import { perMillionText } from "../format/prices.js";

const COLUMNS: readonly Column<Model>[] = [
  { id: "id", title: "Model", value: (row) => row.id, cell: (row) => <b>{row.id}</b> },
  { id: "state", title: "Now", value: (row) => sentence(row.availability.status), wide: true },
  { id: "providers", title: "Machines", value: (row) => row.availability.providers, align: "right", wide: true },
  { id: "free", title: "Free slots", value: (row) => row.availability.free_slots, align: "right", wide: true },
  {
    id: "context",
    title: "Context",
    value: (row) => row.context_length,
    cell: (row) => wholeText(row.context_length),
    align: "right",
    wide: true,
  },
  {
    id: "prompt",
    title: "Read",
    value: (row) => Number(row.pricing?.prompt ?? 0),
    cell: (row) => perMillionText(row.pricing?.prompt),
    align: "right",
  },
  {
    id: "completion",
    title: "Written",
    value: (row) => Number(row.pricing?.completion ?? 0),
    cell: (row) => perMillionText(row.pricing?.completion),
    align: "right",
  },
];

/** What can be asked for now, and what it costs. */
export function ServedModelsPage(): ReactNode {
  const models = useAnswer<List<Model>>("/v1/models");
  return (
    <Page title="Models and prices" lead="What can be asked for now, and the most that a million tokens cost.">
      <Loaded query={models} lines={6}>
        {({ data }) => (
          <DataTable
            label="Models"
            rows={data}
            columns={COLUMNS}
            idOf={(row) => row.id}
            search="Name …"
            order={{ column: "id", descending: false }}
            empty={<Empty title="No model is served now" />}
          />
        )}
      </Loaded>
    </Page>
  );
}
