import type { ReactNode } from "react";
import type { SettingChange } from "../api/config-types.js";
import { ApiError } from "../api/errors.js";
import { FormError } from "./confirm.js";

/** A value of the settings as people read it. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return value === "" ? "empty" : value;
  return JSON.stringify(value);
}

/** What is not the same any more, line by line: what was, and what is. */
export function ChangeList({ changes }: { readonly changes: readonly SettingChange[] }): ReactNode {
  if (changes.length === 0) return <p className="muted">It is all as it was.</p>;
  return (
    <ul className="changes" aria-label="Changes">
      {changes.map((change) => (
        <li key={change.path}>
          <b>{change.path}</b>
          {"before" in change ? (
            <>
              <del>{settingText(change.before)}</del>
              <ins>{settingText(change.after)}</ins>
            </>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

/** Why settings were not taken: everything that is wrong, with its place. */
export function SettingsProblems({ error }: { readonly error: unknown }): ReactNode {
  const { facts } = ApiError.from(error);
  if (facts.problems === undefined) return <FormError error={error} />;
  return (
    <div className="form-error" role="alert">
      <p>Not valid, so nothing was changed:</p>
      <ul className="problems">
        {facts.problems.map(({ path, message }) => (
          <li key={`${path} ${message}`}>
            {path === "" ? null : <b>{path}: </b>}
            {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
