/** How long it is kept who did what with the operator's routes. */
export interface ActionLogSettings {
  readonly actionDays: number;
  /** At most; beyond it the oldest go. */
  readonly actions: number;
}

export const DEFAULT_ACTION_LOG: ActionLogSettings = { actionDays: 400, actions: 200_000 };
