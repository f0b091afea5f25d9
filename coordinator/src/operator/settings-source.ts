import { readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { diskFaultCode, writeWhole } from "@hearth/disk";
import { randomId } from "@hearth/platform";
import type { Config } from "../config.js";
import { HearthError } from "../platform/errors.js";
import { checkSettings, parseSettings, readText, type SettingsFile } from "./settings.js";

/** Where settings are kept: the file that `HEARTH_CONFIG` names, else one in the data directory. */
export interface SettingsPlace {
  readonly kind: "file" | "data_directory";
  readonly path: string;
}

/** In the data directory: what the admin API has been told where `HEARTH_CONFIG` names no file. */
const FILE = "settings.json";
const OWNER_ONLY = 0o600;

/** The operator's settings as they are kept. It reads and writes at once: settings change seldom, and by one at a time. */
export class SettingsSource {
  /** `undefined` = nowhere, so that they last as long as the process. */
  readonly place: SettingsPlace | undefined;
  readonly first: SettingsFile;
  /** As the file was read or written last; `undefined` = there was none. */
  #text: string | undefined;

  private constructor(place: SettingsPlace | undefined, text: string | undefined) {
    this.place = place;
    this.#text = text;
    this.first = text === undefined ? checkSettings({}) : parseSettings(text, place?.path ?? "");
  }

  /**
   * The file that the environment names has to be there. It alone counts then: what the data directory has beside is not
   * read.
   *
   * @throws ConfigError for a file that cannot be read or is not valid
   */
  static open({ settingsFile, dataDir }: Pick<Config, "settingsFile" | "dataDir">): SettingsSource {
    if (settingsFile !== undefined) {
      return new SettingsSource({ kind: "file", path: settingsFile }, readText(settingsFile));
    }
    const path = join(dataDir, FILE);
    return new SettingsSource({ kind: "data_directory", path }, readIfThere(path));
  }

  /** Nothing is kept. */
  static nowhere(): SettingsSource {
    return new SettingsSource(undefined, undefined);
  }

  /** Whether there was a file when it was looked at last. */
  get hasFile(): boolean {
    return this.#text !== undefined;
  }

  /** What the file was when it was looked at last, good or bad. */
  get seen(): string {
    return this.#text ?? "";
  }

  /** @throws ConfigError for a file that cannot be read or is not valid */
  reread(): SettingsFile {
    if (this.place === undefined) return this.first;
    const { path } = this.place;
    this.#text = readText(path);
    return parseSettings(this.#text, path);
  }

  /**
   * Puts these settings in the place of the file, whole or not at all, with the mode that it has.
   *
   * @throws HearthError `precondition_failed` where somebody else has written it meanwhile; `service_unavailable`
   */
  write({ given }: Pick<SettingsFile, "given">): void {
    if (this.place === undefined) return;
    const { path } = this.place;
    if (readIfThere(path) !== this.#text) {
      const words = `${path} was changed since it was read: have it read again (SIGHUP), then change what it says now.`;
      throw new HearthError("precondition_failed", words);
    }
    const text = `${JSON.stringify(given, undefined, 2)}\n`;
    try {
      // What is a link stays one.
      const target = this.hasFile ? realpathSync(path) : path;
      const mode = this.hasFile ? statSync(target).mode & 0o777 : OWNER_ONLY;
      writeWhole(target, text, { draft: `${target}.${randomId("")}`, existing: "replace", mode });
    } catch (cause) {
      const why = diskFaultCode(cause) ?? "unknown";
      const words = `${path} cannot be written (${why}), so nothing was changed.`;
      throw new HearthError("service_unavailable", words, { cause });
    }
    this.#text = text;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = diskFaultCode(error);
    // What is wrong with the data directory is told by who opens it.
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return readText(path);
  }
}
