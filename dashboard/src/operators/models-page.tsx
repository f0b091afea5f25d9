import { type ReactNode, useMemo } from "react";
import { useAnswer, useWholeList } from "../api/queries.js";
import type { List, Provider, QueueEntry } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { type Column, DataTable } from "../components/data-table.js";
import { Loaded } from "../components/loaded.js";
import { Page } from "../components/page.js";
import { Empty } from "../components/states.js";
import { rateText, wholeText } from "../format/amounts.js";
import { type ServedModel, servedModels } from "../format/served-models.js";

const POLL_MS = 10_000;

/** What the fleet serves, on how many machines, and how full they are. */
export function ModelsPage(): ReactNode {
  const fleet = useWholeList<Provider>("/admin/providers", { everyMs: POLL_MS });
  const queue = useAnswer<List<QueueEntry>>("/admin/queue", { everyMs: POLL_MS });
  const waiting = useMemo(
    () => new Map((queue.data?.data ?? []).map((each) => [each.model, each.waiting])),
    [queue.data],
  );
  return (
    <Page title="Models" lead="What the fleet serves now, on how many machines, and how full they are.">
      <Loaded query={fleet} lines={6}>
        {(providers) => (
          <DataTable
            label="Models"
            rows={servedModels(providers)}
            columns={columnsOf(waiting)}
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

function columnsOf(waiting: ReadonlyMap<string, number>): readonly Column<ServedModel>[] {
  return [
    { id: "id", title: "Model", value: (row) => row.id, cell: (row) => <b>{row.id}</b> },
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
    { id: "waiting", title: "Waiting", value: (row) => waiting.get(row.id) ?? 0, align: "right", wide: true },
    { id: "loaded", title: "Loaded", value: (row) => row.loaded, align: "right", wide: true },
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
  ];
}

const stateOf = ({ serving }: ServedModel): string => (serving > 0 ? "served" : "away");
