import type { ReactNode } from "react";
import type { Members, Setting } from "../api/config-types.js";
import { SelectField, TextField } from "../components/fields.js";
import { memberAt, withMember } from "../format/settings-draft.js";

interface CommonSettingsProps {
  /** As it is being edited. */
  readonly document: Members;
  readonly settings: readonly Setting[];
  readonly onChange: (document: Members) => void;
}

const TRUST = [
  ["none", "None"],
  ["self_attested", "Self-attested"],
  ["hardware", "By its hardware"],
] as const;

/** Whole numbers that operators change most: their place, their words, and what one of what is shown comes to. */
const NUMBERS = [
  ["dispatch.patience_ms", "Patience, seconds", "How long a request waits for its first content.", 1_000],
  ["dispatch.max_attempts", "Attempts", "Machines that one request may be sent to.", 1],
  ["selection.queue.per_model", "Queue", "Requests that may wait for one model.", 1],
  ["hedging.burst", "Backups", "A second machine for what is late: so many at once for a model; 0 = never.", 1],
  ["ledger.fee_basis_points", "Fee, basis points", "What the platform keeps of what is earned; 100 are 1 %.", 1],
] as const;

/** A form for what is changed most; it edits the document below. */
export function CommonSettings({ document, settings, onChange }: CommonSettingsProps): ReactNode {
  const set = (name: string, value: unknown): void => onChange(withMember(document, name.split("."), value));
  const trust = memberAt(document, ["trust_minimum"]);
  const floor = memberAt(document, ["version_floors", "base"]);
  return (
    <div className="form-row">
      <SelectField
        label="Least trust"
        value={TRUST.some(([level]) => level === trust) ? (trust as string) : "none"}
        options={TRUST}
        onChange={(level) => set("trust_minimum", level === "none" ? undefined : level)}
        hint="What machines have to have proved of themselves."
      />
      <TextField
        label="Least agent version"
        value={typeof floor === "string" ? floor : ""}
        placeholder="any"
        onChange={(version) => set("version_floors.base", version === "" ? undefined : version)}
        hint="Older agents get nothing."
      />
      {NUMBERS.map(([name, label, hint, unit]) => (
        <TextField
          key={name}
          label={label}
          type="number"
          inputMode="decimal"
          value={numberText(memberAt(document, name.split(".")), unit)}
          placeholder={numberText(settings.find((setting) => setting.name === name)?.default, unit)}
          onChange={(text) => set(name, text === "" ? undefined : Number(text) * unit)}
          hint={hint}
        />
      ))}
    </div>
  );
}

const numberText = (value: unknown, unit: number): string => (typeof value === "number" ? String(value / unit) : "");
