/** One step of the schema, as each engine spells it. */
export interface Migration {
  readonly sqlite: string;
  /** Names stand for those of the store's own schema. */
  readonly postgres: string;
}
