import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { BudgetReset, IssuedKey } from "../api/account-types.js";
import { ask } from "../api/request.js";
import { microUsdOf } from "../format/amounts.js";
import { type KeyWishes, keyOrderOf } from "../format/key-order.js";
import { Copy } from "./copy.js";
import { Dialog } from "./dialog.js";
import { CheckField, SelectField, TextField } from "./fields.js";
import { FormDialog } from "./form-dialog.js";

const BLANK: KeyWishes = {
  name: "",
  budget: "",
  reset: "never",
  requestsPerMinute: "",
  tokensPerMinute: "",
  concurrency: "",
  models: "",
  days: "",
  scopes: ["inference"],
};

const RESETS: readonly (readonly [BudgetReset, string])[] = [
  ["never", "In all"],
  ["daily", "A day"],
  ["weekly", "A week"],
  ["monthly", "A month"],
];

const SCOPES = [
  ["inference", "Asks models"],
  ["provider", "Adds machines"],
  ["read", "Reads everything an operator sees"],
  ["admin", "Changes everything an operator can"],
] as const;

interface NewKeyProps {
  /** Where keys are made. */
  readonly route: string;
  /** Which scopes may be given. */
  readonly scopes: readonly string[];
  readonly onClose: () => void;
  readonly onMade: () => void;
}

/** Makes a key, and shows its secret the one time that it can be seen. */
export function NewKeyDialog({ route, scopes, onClose, onMade }: NewKeyProps): ReactNode {
  const [wishes, setWishes] = useState(BLANK);
  const make = useMutation({
    mutationFn: () => ask<IssuedKey>(route, { method: "POST", body: keyOrderOf(wishes) }),
    onSuccess: onMade,
  });
  if (make.data !== undefined) return <SecretDialog issued={make.data} onClose={onClose} />;
  const change = (changes: Partial<KeyWishes>): void => setWishes({ ...wishes, ...changes });
  const isBudgetWrong = wishes.budget !== "" && microUsdOf(wishes.budget) === undefined;
  return (
    <FormDialog title="New key" action="Make the key" sending={make} isIncomplete={isBudgetWrong} onClose={onClose}>
      <TextField
        label="Name"
        value={wishes.name}
        onChange={(name) => change({ name })}
        hint="What it is for, so that you know it again."
        autoFocus
      />
      <div className="form-row">
        <TextField
          label="Budget, US dollars"
          value={wishes.budget}
          onChange={(budget) => change({ budget })}
          inputMode="decimal"
          placeholder="no limit"
          hint={isBudgetWrong ? "An amount like 12.50" : undefined}
        />
        <SelectField label="For" value={wishes.reset} options={RESETS} onChange={(reset) => change({ reset })} />
      </div>
      <Limits wishes={wishes} onChange={change} />
      <fieldset>
        <legend>What it may do</legend>
        {SCOPES.filter(([scope]) => scopes.includes(scope)).map(([scope, words]) => (
          <CheckField
            key={scope}
            label={words}
            checked={wishes.scopes.includes(scope)}
            onChange={(checked) =>
              change({ scopes: checked ? [...wishes.scopes, scope] : wishes.scopes.filter((each) => each !== scope) })
            }
          />
        ))}
      </fieldset>
    </FormDialog>
  );
}

interface LimitsProps {
  readonly wishes: KeyWishes;
  readonly onChange: (changes: Partial<KeyWishes>) => void;
}

function Limits({ wishes, onChange }: LimitsProps): ReactNode {
  const limit = (name: "requestsPerMinute" | "tokensPerMinute" | "concurrency" | "days", label: string): ReactNode => (
    <TextField
      label={label}
      value={wishes[name]}
      onChange={(value) => onChange({ [name]: value })}
      inputMode="numeric"
      placeholder={name === "days" ? "for ever" : "no limit"}
    />
  );
  return (
    <details>
      <summary>More limits</summary>
      <div className="form">
        <div className="form-row">
          {limit("requestsPerMinute", "Requests a minute")}
          {limit("tokensPerMinute", "Tokens a minute")}
          {limit("concurrency", "Requests at once")}
          {limit("days", "Good for, days")}
        </div>
        <TextField
          label="Models"
          value={wishes.models}
          onChange={(models) => onChange({ models })}
          placeholder="all"
          hint="Names, separated by commas."
        />
      </div>
    </details>
  );
}

/** The one time that a secret is shown. */
export function SecretDialog({
  issued,
  onClose,
}: {
  readonly issued: IssuedKey;
  readonly onClose: () => void;
}): ReactNode {
  return (
    <Dialog title="Your new key" onClose={onClose}>
      <p>Copy it now: it is shown this once, and kept nowhere.</p>
      <Copy text={issued.key} label="The key" />
      <div className="dialog-actions">
        <button type="button" className="button button-main" onClick={onClose}>
          I have it
        </button>
      </div>
    </Dialog>
  );
}
