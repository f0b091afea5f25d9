/** A group of members of the settings. */
export type Members = Readonly<Record<string, unknown>>;

export interface Setting {
  readonly name: string;
  readonly value: unknown;
  readonly default: unknown;
  readonly source: "default" | "file";
}

export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string | number | null;
  readonly source: "environment" | "default";
  readonly secret: boolean;
}

/** Where settings are kept; `null` = nowhere. */
type KeptIn = { readonly kind: "file" | "data_directory"; readonly path: string } | null;

export interface Config {
  readonly etag: string;
  readonly kept_in: KeptIn;
  readonly document: Members;
  readonly settings: readonly Setting[];
  readonly environment: readonly EnvironmentVariable[];
  readonly rejected: { readonly at: number; readonly problems: readonly string[] } | null;
}

export interface SettingChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface SettingsChange {
  readonly dry_run: boolean;
  readonly etag: string;
  readonly changes: readonly SettingChange[];
}

export interface AliasRule {
  readonly desired: string;
  readonly previous?: string;
  readonly patience_ms?: number;
}

export interface ModelRule {
  readonly enabled: boolean;
  readonly trust_minimum: string;
  readonly version_floors: { readonly base?: string; readonly tools?: string; readonly vision?: string };
}

export interface DatedPrice {
  readonly from?: string;
  readonly input: number;
  readonly output: number;
  readonly cached_input?: number;
}

export interface Catalog {
  readonly etag: string;
  readonly models: readonly string[];
  readonly aliases: Readonly<Record<string, AliasRule>>;
  readonly model_rules: Readonly<Record<string, ModelRule>>;
  readonly prices: {
    readonly default: readonly DatedPrice[];
    readonly models: Readonly<Record<string, readonly DatedPrice[]>>;
  };
  readonly version_floors: ModelRule["version_floors"];
  readonly trust_minimum: string;
}
