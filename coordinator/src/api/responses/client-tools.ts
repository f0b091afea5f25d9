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

/** The members of OpenAI's `FunctionShellAction`. */
export function shell(skills: readonly LocalSkill[]): Readonly<Record<string, unknown>> {
  const known = skills.map(
    ({ name, description, path }) => `- ${[name, description, path].filter(Boolean).join(": ")}`,
  );
  const about = known.length === 0 ? [] : ["Skills, each a folder whose SKILL.md says how to use it:", ...known];
  return { ...SHELL, description: [SHELL.description, ...about].join("\n") };
}

/** What the user's machine has instructions for. */
interface LocalSkill {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly path?: string | null | undefined;
}

const SHELL = {
  description: "Runs shell commands on the user's machine, one after the other, and returns what they print.",
  parameters: {
    type: "object",
    properties: {
      commands: { type: "array", items: { type: "string" }, description: 'Lines of shell, for example ["ls -l"].' },
      timeout_ms: { type: "integer", description: "When to stop them, in milliseconds." },
      max_output_length: { type: "integer", description: "How many characters of their output to return at most." },
    },
    required: ["commands"],
  },
};

export function shellCall(args: string): object {
  const { commands, command, timeout_ms: timeout, max_output_length: length } = argumentsIn(args);
  // Models that were taught another shell tool write one line, under its name.
  const [line] = [commands, command].filter((each) => typeof each === "string");
  const action = {
    commands: line === undefined ? textsOf(commands) : [line],
    timeout_ms: wholeOf(timeout),
    max_output_length: wholeOf(length),
  };
  return { type: "shell_call", action, environment: { type: "local" } };
}

const OPERATIONS = ["create_file", "update_file", "delete_file"];

/** The members of OpenAI's operations of `apply_patch`, whose form is not JSON. */
export const APPLY_PATCH: Readonly<Record<string, unknown>> = {
  description: [
    "Creates, updates or deletes one file on the user's machine.",
    "To create one, the diff is its lines, each behind a '+'.",
    "To update one, the diff is a list of hunks. Each begins with a line '@@', which may name the function or class that",
    "it stands in ('@@ def f():'); its lines begin with ' ' where they stay, '-' where they go and '+' where they come.",
    "There are no line numbers: some three lines before and after what changes say where it is.",
  ].join("\n"),
  parameters: {
    type: "object",
    properties: {
      type: { type: "string", enum: OPERATIONS, description: "What to do with the file." },
      path: { type: "string", description: "Where the file is." },
      diff: { type: "string", description: "How it changes; nothing where it is deleted." },
    },
    required: ["type", "path"],
  },
};

export function applyPatchCall(args: string): object {
  const { type: written, path, diff } = argumentsIn(args);
  const type = OPERATIONS.find((each) => each === written) ?? "update_file";
  return {
    type: "apply_patch_call",
    operation: {
      type,
      path: typeof path === "string" ? path : "",
      ...(type === "delete_file" ? {} : { diff: typeof diff === "string" ? diff : "" }),
    },
  };
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
