import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { AliasRule, Catalog, DatedPrice, Members, ModelRule, SettingsChange } from "../api/config-types.js";
import { useRefresh } from "../api/queries.js";
import { ask } from "../api/request.js";
import { CheckField, SelectField, TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";

/** What is being edited; an alias without a name is a new one. */
export type Edited = { readonly alias: string } | { readonly model: string };

interface CatalogDialogProps {
  readonly catalog: Catalog;
  readonly onClose: () => void;
}

/** Changes what the settings say of one model, or of one alias. */
export function CatalogDialog({ edited, ...props }: CatalogDialogProps & { readonly edited: Edited }): ReactNode {
  return "alias" in edited ? (
    <AliasDialog name={edited.alias} {...props} />
  ) : (
    <ModelDialog name={edited.model} {...props} />
  );
}

/** Sends a change of the catalog as it was when the dialog was opened, and has everything looked at again. */
function useChange(etag: string, onDone: () => void) {
  const [seen] = useState(etag);
  const refresh = useRefresh();
  const send = (method: "PUT" | "PATCH" | "DELETE", path: string, body?: Members, version = seen) =>
    ask<SettingsChange>(`/admin/catalog/${path}`, { method, body, headers: { "If-Match": version } });
  const done = (): void => {
    refresh("/admin");
    onDone();
  };
  return { send, done };
}

const TRUST = [
  ["none", "As for all"],
  ["self_attested", "Self-attested"],
  ["hardware", "By its hardware"],
] as const;

function ModelDialog({ name, catalog, onClose }: CatalogDialogProps & { readonly name: string }): ReactNode {
  const rule: ModelRule | undefined = catalog.model_rules[name];
  const prices = catalog.prices.models[name] ?? [];
  const [enabled, setEnabled] = useState(rule?.enabled ?? true);
  const [listed, setListed] = useState(catalog.models.includes(name));
  const [trust, setTrust] = useState(rule?.trust_minimum ?? "none");
  const [floor, setFloor] = useState(rule?.version_floors.base ?? "");
  const [price, setPrice] = useState<PriceText>(priceText(prices[0]));
  const { send, done } = useChange(catalog.etag, onClose);
  const isDated = prices.length > 1 || prices[0]?.from !== undefined;
  const sending = useMutation({
    mutationFn: () =>
      send("PATCH", `models/${encodeURIComponent(name)}`, {
        ...{ enabled, listed, trust_minimum: trust },
        version_floors: { base: floor === "" ? null : floor },
        ...(isDated ? {} : { prices: pricesOf(price) }),
      }),
    onSuccess: done,
  });
  return (
    <FormDialog title={name} action="Save" sending={sending} isIncomplete={!isWhole(price)} onClose={onClose}>
      <CheckField label="Switched on" checked={enabled} onChange={setEnabled} />
      {enabled ? null : (
        <p className="hint">Requests for it are refused and it is not listed. What runs ends as it would.</p>
      )}
      <CheckField label="Exists also while nobody serves it" checked={listed} onChange={setListed} />
      <SelectField label="Least trust" value={trust} options={TRUST} onChange={setTrust} />
      <TextField label="Least agent version" value={floor} onChange={setFloor} placeholder="any" />
      {isDated ? (
        <p className="hint">Its prices change with dates: they are in the document on the page Configuration.</p>
      ) : (
        <PriceFields price={price} onChange={setPrice} />
      )}
    </FormDialog>
  );
}

/** Prices as they are entered, micro-USD for a million tokens. */
interface PriceText {
  readonly input: string;
  readonly output: string;
  readonly cached: string;
}

const priceText = (price: DatedPrice | undefined): PriceText => ({
  input: `${price?.input ?? ""}`,
  output: `${price?.output ?? ""}`,
  cached: `${price?.cached_input ?? ""}`,
});

const isWhole = ({ input, output, cached }: PriceText): boolean =>
  (input === "") === (output === "") && (cached === "" || input !== "");

/** `null` = it has no price of its own any more. */
function pricesOf({ input, output, cached }: PriceText): readonly DatedPrice[] | null {
  if (input === "") return null;
  const own = { input: Number(input), output: Number(output) };
  return [cached === "" ? own : { ...own, cached_input: Number(cached) }];
}

function PriceFields({
  price,
  onChange,
}: {
  readonly price: PriceText;
  readonly onChange: (price: PriceText) => void;
}): ReactNode {
  const field = (label: string, member: keyof PriceText, hint?: string): ReactNode => (
    <TextField
      label={label}
      type="number"
      inputMode="numeric"
      value={price[member]}
      placeholder="as for all"
      {...(hint === undefined ? {} : { hint })}
      onChange={(text) => onChange({ ...price, [member]: text })}
    />
  );
  return (
    <div className="form-row">
      {field("Price read", "input", "Micro-USD for a million tokens.")}
      {field("Price written", "output")}
      {field("Price cached", "cached", "Without it as read.")}
    </div>
  );
}

function AliasDialog({ name: given, catalog, onClose }: CatalogDialogProps & { readonly name: string }): ReactNode {
  const before: AliasRule | undefined = catalog.aliases[given];
  const [name, setName] = useState(given);
  const [desired, setDesired] = useState(before?.desired ?? "");
  const [previous, setPrevious] = useState(before?.previous ?? "");
  const [patience, setPatience] = useState(before?.patience_ms === undefined ? "" : `${before.patience_ms / 1_000}`);
  const [enabled, setEnabled] = useState(catalog.model_rules[given]?.enabled ?? true);
  const [taken, setTaken] = useState(false);
  const { send, done } = useChange(catalog.etag, onClose);
  const wasEnabled = catalog.model_rules[given]?.enabled ?? true;
  const sending = useMutation({
    mutationFn: async () => {
      const path = encodeURIComponent(name);
      if (taken) return await send("DELETE", `aliases/${path}`);
      const changed = await send("PUT", `aliases/${path}`, {
        desired,
        ...(previous === "" ? {} : { previous }),
        ...(patience === "" ? {} : { patience_ms: Number(patience) * 1_000 }),
      });
      if (enabled === wasEnabled) return changed;
      return await send("PATCH", `models/${path}`, { enabled }, changed.etag);
    },
    onSuccess: done,
  });
  return (
    <FormDialog
      title={given === "" ? "A new alias" : given}
      action={taken ? "Take it away" : "Save"}
      sending={sending}
      isIncomplete={name === "" || desired === ""}
      onClose={onClose}
    >
      {given === "" ? (
        <TextField label="Name" value={name} onChange={setName} autoFocus hint="What requests ask for." />
      ) : (
        <CheckField label="Switched on" checked={enabled} onChange={setEnabled} />
      )}
      <TextField label="Stands for" value={desired} onChange={setDesired} hint="The build that serves it." />
      <TextField
        label="Otherwise"
        value={previous}
        onChange={setPrevious}
        hint="The build that serves while nobody can serve the first."
      />
      <TextField
        label="Patience, seconds"
        type="number"
        inputMode="decimal"
        value={patience}
        placeholder="as for all"
        onChange={setPatience}
      />
      {given === "" ? null : <CheckField label="Take this alias away" checked={taken} onChange={setTaken} />}
    </FormDialog>
  );
}
