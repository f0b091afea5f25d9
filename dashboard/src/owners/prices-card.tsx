import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { OwnPrice } from "../api/account-types.js";
import { useRefresh, useWholeList } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { Provider } from "../api/types.js";
import { Badge } from "../components/badge.js";
import { ConfirmButton } from "../components/confirm.js";
import { type Column, DataTable } from "../components/data-table.js";
import { SelectField, TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";
import { Loaded } from "../components/loaded.js";
import { Card } from "../components/page.js";
import { Empty } from "../components/states.js";
import { microUsdOf, usdText } from "../format/amounts.js";
import { timeText } from "../format/times.js";

const PRICES = "/v1/me/prices";
const ALL = "";

/** What an owner asks for a model, where that is another price than the operator's. */
export function PricesCard({ providers }: { readonly providers: readonly Provider[] }): ReactNode {
  const prices = useWholeList<OwnPrice>(PRICES);
  const [isAsking, setAsking] = useState(false);
  const nameOf = (id: string | null): string =>
    id === null ? "All machines" : (providers.find((each) => each.id === id)?.name ?? id.slice(0, 12));
  return (
    <Card
      title="Prices of your own"
      actions={
        <button type="button" className="button" onClick={() => setAsking(true)}>
          Ask a price
        </button>
      }
    >
      <p className="muted card-words">
        Of a million tokens. Where you ask nothing, a model costs what the operator asks; dearer machines are chosen
        less often.
      </p>
      <Loaded query={prices}>
        {(rows) => (
          <DataTable
            label="Prices of your own"
            rows={rows.filter(({ status }) => status !== "over" && status !== "withdrawn")}
            columns={columnsOf(nameOf)}
            idOf={(row) => row.id}
            order={{ column: "model", descending: false }}
            empty={<Empty title="You ask what the operator asks" />}
          />
        )}
      </Loaded>
      {isAsking ? <PriceDialog providers={providers} onClose={() => setAsking(false)} /> : null}
    </Card>
  );
}

const columnsOf = (nameOf: (id: string | null) => string): readonly Column<OwnPrice>[] => [
  { id: "model", title: "Model", value: (row) => row.model },
  { id: "machine", title: "On", value: (row) => nameOf(row.machine), wide: true },
  {
    id: "input",
    title: "Read",
    value: (row) => row.input_micro_usd,
    cell: (row) => usdText(row.input_micro_usd),
    align: "right",
    wide: true,
  },
  {
    id: "output",
    title: "Written",
    value: (row) => row.output_micro_usd,
    cell: (row) => usdText(row.output_micro_usd),
    align: "right",
  },
  {
    id: "status",
    title: "State",
    value: (row) => row.status,
    cell: (row) => (
      <Badge state={row.status === "in_force" ? "active" : "queued"}>
        {row.status === "in_force" ? "in force" : `from ${timeText(row.starts_at)}`}
      </Badge>
    ),
    wide: true,
  },
  {
    id: "actions",
    title: "",
    value: () => "",
    unsorted: true,
    align: "right",
    cell: (row) => <EndButton price={row} />,
  },
];

function EndButton({ price }: { readonly price: OwnPrice }): ReactNode {
  const refresh = useRefresh();
  return (
    <ConfirmButton
      label="End"
      title={`End the price for ${price.model}`}
      consequence="From now on it costs what the operator asks. Requests that have begun keep their price."
      danger
      act={() => ask(`${PRICES}/${encodeURIComponent(price.id)}`, { method: "DELETE" })}
      onDone={() => refresh(PRICES)}
    />
  );
}

interface PriceDialogProps {
  readonly providers: readonly Provider[];
  readonly onClose: () => void;
}

function PriceDialog({ providers, onClose }: PriceDialogProps): ReactNode {
  const models = [...new Set(providers.flatMap((each) => each.models.map(({ id }) => id)))].sort();
  const [model, setModel] = useState(models[0] ?? "");
  const [machine, setMachine] = useState(ALL);
  const [input, setInput] = useState("");
  const [output, setOutput] = useState("");
  const refresh = useRefresh();
  const [inputMicroUsd, outputMicroUsd] = [microUsdOf(input), microUsdOf(output)];
  const set = useMutation({
    mutationFn: () =>
      ask(PRICES, {
        method: "POST",
        body: {
          ...{ model: model.trim(), input_micro_usd: inputMicroUsd, output_micro_usd: outputMicroUsd },
          ...(machine === ALL ? {} : { machine }),
        },
      }),
    onSuccess: () => {
      refresh(PRICES);
      onClose();
    },
  });
  const isIncomplete = model.trim() === "" || inputMicroUsd === undefined || outputMicroUsd === undefined;
  return (
    <FormDialog
      title="Ask a price"
      action="Ask it from now on"
      sending={set}
      isIncomplete={isIncomplete}
      onClose={onClose}
    >
      <TextField label="Model" value={model} onChange={setModel} required list="own-models" autoComplete="off" />
      <datalist id="own-models">
        {models.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <SelectField
        label="On"
        value={machine}
        onChange={setMachine}
        options={[
          [ALL, "All machines"],
          ...providers.map((each) => [each.id, each.name ?? each.id.slice(0, 12)] as const),
        ]}
      />
      <TextField
        label="A million tokens read, US dollars"
        value={input}
        onChange={setInput}
        inputMode="decimal"
        required
        placeholder="0.20"
      />
      <TextField
        label="A million tokens written, US dollars"
        value={output}
        onChange={setOutput}
        inputMode="decimal"
        required
        placeholder="0.60"
        hint="Within what the operator allows; a price beyond that is refused, and told what may be asked."
      />
    </FormDialog>
  );
}
