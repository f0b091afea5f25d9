/**
 * Tools of OpenAI's that a client runs by itself and whose form everybody knows: what a model is told of each, and what
 * a call of it is to the client. Members that a client may read are of their type, whatever the model wrote.
 */

/** The members of OpenAI's `LocalShellExecAction`. */
export const LOCAL_SHELL: Readonly<Record<string, unknown>> = {
  description: "Runs a command on the user's machine and returns what it prints.",
  parameters: {
    type: "object",
    properties: {
      command: {
        type: "array",
        items: { type: "string" },
        description: 'The program and its arguments, for example ["bash", "-lc", "ls"].',
      },
      timeout_ms: { type: "integer", description: "When to stop the command, in milliseconds." },
      working_directory: { type: "string", description: "Where to run it." },
      env: { type: "object", additionalProperties: { type: "string" }, description: "Environment variables." },
      user: { type: "string", description: "The user to run it as." },
    },
    required: ["command"],
  },
};

export function localShellCall(args: string): object {
  const { command, timeout_ms: timeout, working_directory: directory, env, user } = argumentsIn(args);
  const action = {
    type: "exec",
    command: commandOf(command),
    env: isStrings(env) ? env : {},
    timeout_ms: wholeOf(timeout),
    working_directory: typeof directory === "string" ? directory : null,
    user: typeof user === "string" ? user : null,
  };
  return { type: "local_shell_call", action };
}

/** Models that were taught another shell tool write one line. */
function commandOf(command: unknown): readonly string[] {
  return typeof command === "string" ? ["bash", "-lc", command] : textsOf(command);
}

export function toolSearchCall(args: string): object {
  return { type: "tool_search_call", execution: "client", arguments: argumentsIn(args) };
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map((each) => (typeof each === "string" ? each : JSON.stringify(each))) : [];

const wholeOf = (value: unknown): number | null => (typeof value === "number" ? Math.max(0, Math.round(value)) : null);

const isStrings = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === "object" && value !== null && Object.values(value).every((each) => typeof each === "string");

type Arguments = Readonly<Record<string, unknown>>;

/** Nothing where the model wrote no object: whoever runs the call says what is missing. */
function argumentsIn(args: string): Arguments {
  try {
    const value: unknown = JSON.parse(args);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Arguments) : {};
  } catch {
    return {};
  }
}
