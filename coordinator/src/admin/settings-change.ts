import type { Context } from "hono";
import { z } from "zod";
import { checkBody } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import type { HttpEnv } from "../http/routing.js";
import type { ActionLog, SettingChange } from "./action-log.js";

/** The members of the operator's settings. */
export type SettingsDocument = Readonly<Record<string, unknown>>;

/** The operator's settings, and the one way to change them. */
export interface AdminSettings {
  readonly document: SettingsDocument;
  readonly version: string;
  readonly place: { readonly kind: "file" | "data_directory"; readonly path: string } | undefined;
  /**
   * @param edit what they are to be, made of what they are
   * @throws HearthError `invalid_request` with all problems, `precondition_failed`, `service_unavailable`; then nothing
   *   has changed
   */
  change(
    edit: (document: SettingsDocument) => unknown,
    options: { readonly ifVersion?: string | undefined; readonly dryRun?: boolean },
  ): { readonly changes: readonly SettingChange[]; readonly version: string };
}

export interface SettingsChangeDeps {
  readonly operatorSettings: AdminSettings;
  readonly actionLog: Pick<ActionLog, "changes">;
}

/** Bytes of settings at most. */
export const MAX_SETTINGS_BYTES: number = 4 * 1024 * 1024;

export const changeQuery = z.object({
  dry_run: z.enum(["true", "false"]).optional().meta({ description: "`true`: only tell what would change." }),
});

export const placeSchema = z
  .object({ kind: z.enum(["file", "data_directory"]), path: z.string() })
  .nullable()
  .meta({ description: "Where the settings are kept; `null` = nowhere, so that a restart forgets them." });

const changeSchema = z.object({
  object: z.literal("config.change"),
  dry_run: z.boolean(),
  etag: z.string().meta({ description: "Of the settings as they are now, for `If-Match`." }),
  changes: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })),
  kept_in: placeSchema,
});

/** The answer of whatever changes settings. */
export const SETTINGS_CHANGE: z.ZodType = named("SettingsChange", changeSchema);

export const CHANGE_WORDS =
  "Valid as a whole or refused with all `problems`. `If-Match` with the `etag` of what was seen (412 where it is another by now). It counts at once and after a restart.";

/** An entity tag as HTTP writes it (RFC 9110 §8.8.3). */
export const etagOf = (version: string): string => `"${version}"`;

/** Changes the settings as the request asks: only if they are as it has seen them, or not at all. */
export function changeSettings(
  c: Context<HttpEnv>,
  { operatorSettings, actionLog }: SettingsChangeDeps,
  edit: (document: SettingsDocument) => unknown,
): Response {
  const dryRun = checkBody(changeQuery, c.req.query()).dry_run === "true";
  if (dryRun) actionLog.changes(c, undefined);
  const { changes, version } = operatorSettings.change(edit, {
    dryRun,
    ifVersion: versionIn(c.req.header("if-match")),
  });
  const told = changes.map(({ path, before, after }) => ({
    ...{ path, before: shown(before), after: shown(after) },
  }));
  if (!dryRun) actionLog.changes(c, told);
  const etag = etagOf(version);
  c.header("ETag", etag);
  const { place } = operatorSettings;
  return c.json({ object: "config.change", dry_run: dryRun, etag, changes: told, kept_in: place ?? null });
}

/** Of several, and of weak ones, none can be meant: nothing here gives out such. */
function versionIn(header: string | undefined): string | undefined {
  const asked = header?.trim();
  if (asked === undefined || asked === "" || asked === "*") return undefined;
  return asked.replace(/^"(.*)"$/, "$1");
}

/** Characters of a digest that tell which it is. */
const SHOWN_DIGEST = 8;

/** A value as an answer and the log of actions have it: of a key's digest only how it begins. */
function shown(value: unknown): unknown {
  if (value === undefined) return null;
  return JSON.parse(JSON.stringify(value), (name, held: unknown) =>
    name === "sha256" && typeof held === "string" ? `${held.slice(0, SHOWN_DIGEST)}…` : held,
  );
}
