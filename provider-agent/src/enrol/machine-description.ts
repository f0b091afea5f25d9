/** What a machine says of itself to be enrolled. */
export interface MachineDescription {
  /** 43 characters, as in `register`. */
  readonly identity: string;
  /** What its owner will know it by: at most 64 characters. */
  readonly name: string;
  readonly platform: string;
  readonly agentVersion: string;
}

/** The form's members that describe the machine. */
export function describeMachine(machine: MachineDescription): Readonly<Record<string, string>> {
  const { identity, name, platform, agentVersion } = machine;
  return { identity, name, platform, agent_version: agentVersion };
}
