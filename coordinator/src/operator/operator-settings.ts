import { createHash } from "node:crypto";
import { ConfigError } from "../config.js";
import { HearthError } from "../platform/errors.js";
import type { Logger } from "../platform/logger.js";
import type { LiveOperator } from "./operator-document.js";
import { checkSettings, type SettingsFile } from "./settings.js";
import { type Change, changedNames, changesBetween, leavesOf, type Members, mergePatch } from "./settings-changes.js";
import { SettingsError } from "./settings-error.js";
import type { SettingsPlace, SettingsSource } from "./settings-source.js";

/** One setting, and where its value comes from. */
interface ShownSetting {
  readonly name: string;
  readonly value: unknown;
  /** What it would be if the file did not say; `undefined` = nothing. */
  readonly byDefault: unknown;
  readonly source: "default" | "file";
}

/** The settings as the operator sees them. */
export interface ShownSettings {
  /** Changes with what they say and with the file. */
  readonly version: string;
  readonly place: SettingsPlace | undefined;
  /** As the file says it. */
  readonly document: Members;
  readonly settings: readonly ShownSetting[];
  /** What is wrong with the file as it stands, so that what it said before still counts. */
  readonly rejected: { readonly atMs: number; readonly problems: readonly string[] } | undefined;
}

export interface ChangeOptions {
  /** Only if the settings have this version still; absent = whatever it is. */
  readonly ifVersion?: string | undefined;
  /** Only says what would change. */
  readonly dryRun?: boolean;
}

/** What a change comes to. */
export interface Changed {
  readonly changes: readonly Change[];
  /** Of the settings as they are now. */
  readonly version: string;
}

interface OperatorSettingsDeps {
  readonly live: Pick<LiveOperator, "check" | "configure">;
  readonly source: SettingsSource;
  readonly clock: { wallTime(): number };
  readonly log: Pick<Logger, "info" | "error">;
}

/** The one way in which settings change while the coordinator runs: by the file, or by the admin API, which writes it. */
export class OperatorSettings {
  readonly #deps: OperatorSettingsDeps;
  readonly #defaults: SettingsFile = checkSettings({});
  #current: SettingsFile;
  #rejected: ShownSettings["rejected"];

  constructor(deps: OperatorSettingsDeps) {
    this.#deps = deps;
    this.#current = deps.source.first;
  }

  /** The members of the file, as they count now. */
  get document(): Members {
    return this.#current.given;
  }

  /** The same with the defaults where it is silent. */
  get written(): Members {
    return this.#current.written;
  }

  get version(): string {
    const { source } = this.#deps;
    const text = `${JSON.stringify(this.document)}\n${source.seen}`;
    return createHash("sha256").update(text).digest("base64url").slice(0, 22);
  }

  get place(): SettingsPlace | undefined {
    return this.#deps.source.place;
  }

  /** What a JSON merge patch makes of a document. */
  merge(document: Members, patch: unknown): unknown {
    return mergePatch(document, patch);
  }

  shown(): ShownSettings {
    const given = new Set(leavesOf(this.document).map(([name]) => name));
    const byDefault = new Map(leavesOf(this.#defaults.written));
    const settings = leavesOf(this.#current.written)
      .filter(([name]) => name !== "$schema")
      .map(([name, value]) => ({
        ...{ name, value, byDefault: byDefault.get(name) },
        source: given.has(name) ? ("file" as const) : ("default" as const),
      }));
    return { version: this.version, place: this.place, document: this.document, settings, rejected: this.#rejected };
  }

  /**
   * Changes what the file says, all of it or nothing: from then on everything goes by it, also after a restart.
   *
   * @param edit what the file is to say, made of what it says now
   * @throws HearthError `invalid_request` with every problem, `precondition_failed` for a version that is not the
   *   settings' any more, and as `SettingsSource.write`
   */
  change(edit: (document: Members) => unknown, { ifVersion, dryRun = false }: ChangeOptions = {}): Changed {
    const { live, source, log } = this.#deps;
    if (ifVersion !== undefined && ifVersion !== this.version) {
      throw new HearthError("precondition_failed", "The settings were changed meanwhile: look at them again.");
    }
    const next = this.#valid(edit(this.document));
    const changes = changesBetween(this.#current, next);
    if (dryRun) return { changes, version: this.version };
    // What is not on the disk would be gone with the process.
    source.write(next);
    live.configure(next.settings);
    this.#current = next;
    this.#rejected = undefined;
    log.info({ changed: changes.map(({ path }) => path) }, "configuration changed");
    return { changes, version: this.version };
  }

  #valid(document: unknown): SettingsFile {
    try {
      const next = checkSettings(document);
      this.#deps.live.check(next.settings);
      return next;
    } catch (error) {
      throw error instanceof SettingsError ? refusalOf(error) : error;
    }
  }

  /** The file may say something else: everything goes by it from now on. One that is not valid changes nothing. */
  reread(): void {
    const { live, source, clock, log } = this.#deps;
    try {
      const next = source.reread();
      const changed = changedNames(this.#current, next);
      live.configure(next.settings);
      this.#current = next;
      this.#rejected = undefined;
      log.info({ changed }, "configuration file read again");
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { problems } = error;
      this.#rejected = { atMs: clock.wallTime(), problems };
      log.error({ problems }, "configuration file not valid, nothing changed");
    }
  }
}

/** All that is wrong, in the form of the admin API's errors. */
function refusalOf({ faults }: SettingsError): HearthError {
  const words = faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return new HearthError("invalid_request", `Not valid, so nothing was changed: ${words}`, {
    param: faults[0]?.path,
    problems: faults,
  });
}
