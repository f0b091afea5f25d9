/** A tool of Anthropic's own that the client runs, as a function. */
export interface ClientTool {
  readonly description: string;
  readonly parameters: object;
}

/** What a request says of such a tool. */
export interface TypedTool {
  readonly type: string;
  readonly display_width_px?: unknown;
  readonly display_height_px?: unknown;
  readonly enable_zoom?: unknown;
}

/** Types that only name a schema, which Anthropic's models know by heart: its name and the day of its version. */
const TYPE = /^(bash|text_editor|memory|computer)_(\d{8})$/;

/**
 * The function that a typed tool of Anthropic's stands for, with the input that its documentation and SDKs give it
 * (platform.claude.com/docs/en/agents-and-tools/tool-use), because no other model knows it by its type.
 *
 * @returns `undefined` for what the client does not run, or what is not known
 */
export function clientTool(tool: TypedTool): ClientTool | undefined {
  const [, family, version = ""] = TYPE.exec(tool.type) ?? [];
  switch (family) {
    case "bash":
      return BASH;
    case "text_editor":
      return textEditor(version);
    case "memory":
      return MEMORY;
    case "computer":
      return computer(tool, version);
  }
  return undefined;
}

const text = (description: string): object => ({ type: "string", description });
const whole = (description: string): object => ({ type: "integer", description });
const wholes = (description: string): object => ({ type: "array", items: { type: "integer" }, description });
const one = (of: readonly string[], description: string): object => ({ type: "string", enum: of, description });
const input = (properties: Readonly<Record<string, object>>, ...required: readonly string[]): object => ({
  type: "object",
  properties,
  required,
});

const BASH: ClientTool = {
  description:
    "Runs a command in a bash shell and returns what it writes. The shell stays open: variables, the working directory " +
    "and background jobs are kept from one call to the next. Give a command, or restart to begin with a new shell.",
  parameters: input({
    command: text("The command to run. Needed unless restart is true."),
    restart: { type: "boolean", description: "Whether to end the shell and start a new one." },
  }),
};

/** The last version that could take an edit back. */
const LAST_WITH_UNDO = "20250124";
/** The first version in which the text to insert has a name of its own. */
const FIRST_WITH_INSERT_TEXT = "20250728";

const FILE_MEMBERS = {
  file_text: text("create: the whole content of the file."),
  old_str: text("str_replace: the text to replace, exactly as it stands in the file, where it must occur once."),
  view_range: wholes("view: the first and the last line to show, from 1; -1 as the last shows all up to the end."),
};
const INSERT_LINE = whole("insert: the line after which to insert; 0 is the beginning of the file.");
const NEW_STR = "str_replace: the text to put in its place; without it the old one is removed.";
const INSERT_TEXT = text("insert: the text to insert.");

function textEditor(version: string): ClientTool {
  const commands = ["view", "create", "str_replace", "insert", ...(version <= LAST_WITH_UNDO ? ["undo_edit"] : [])];
  const insertText =
    version < FIRST_WITH_INSERT_TEXT
      ? { new_str: text(`${NEW_STR} insert: the text to insert.`) }
      : { new_str: text(NEW_STR), insert_text: INSERT_TEXT };
  return {
    description:
      "Looks at files and changes them: view shows a file with line numbers, or what is in a directory; create writes a " +
      "new file; str_replace replaces one text in a file by another; insert adds text after a line.",
    parameters: input(
      {
        command: one(commands, "What to do."),
        path: text("Path of the file or directory."),
        ...FILE_MEMBERS,
        insert_line: INSERT_LINE,
        ...insertText,
      },
      "command",
      "path",
    ),
  };
}

const MEMORY: ClientTool = {
  description:
    "Keeps notes in files below /memories from one conversation to the next. Look at the directory first, note down what " +
    "will be of use later, and keep the notes in order. view shows a file or what is in a directory; create writes a " +
    "file; str_replace and insert change one; delete removes a file or directory; rename moves it.",
  parameters: input(
    {
      command: one(["view", "create", "str_replace", "insert", "delete", "rename"], "What to do."),
      path: text("Path below /memories; of every command but rename."),
      ...FILE_MEMBERS,
      new_str: text(NEW_STR),
      insert_line: INSERT_LINE,
      insert_text: INSERT_TEXT,
      old_path: text("rename: the path as it is."),
      new_path: text("rename: the path as it shall be."),
    },
    "command",
  ),
};

const FIRST_ACTIONS = [
  ...["key", "type", "mouse_move", "left_click", "left_click_drag", "right_click", "middle_click", "double_click"],
  ...["screenshot", "cursor_position"],
];
const LATER_ACTIONS = ["hold_key", "left_mouse_down", "left_mouse_up", "triple_click", "scroll", "wait"];
/** The last version with the first actions only. */
const LAST_WITH_FIRST_ACTIONS = "20241022";

function computer({ display_width_px, display_height_px, enable_zoom }: TypedTool, version: string): ClientTool {
  const later = version > LAST_WITH_FIRST_ACTIONS;
  const zoom = enable_zoom === true;
  const actions = [...FIRST_ACTIONS, ...(later ? LATER_ACTIONS : []), ...(zoom ? ["zoom"] : [])];
  const size =
    typeof display_width_px === "number" && typeof display_height_px === "number"
      ? ` The screen is ${display_width_px} × ${display_height_px} pixels.`
      : "";
  return {
    description:
      "Controls a computer by its mouse and keyboard, and takes screenshots of it. Look at a screenshot before you click, " +
      `and after, to see what has happened. Coordinates count pixels from the upper left corner.${size}`,
    parameters: input(
      {
        action: one(actions, "What to do."),
        coordinate: wholes("x and y of where to do it."),
        text: text(
          "type: the text. key, hold_key: the key or keys, such as ctrl+s. Clicks, scroll: keys to hold meanwhile.",
        ),
        ...(later ? LATER_INPUT : {}),
        ...(zoom ? { region: wholes("zoom: x and y of the upper left and of the lower right corner.") } : {}),
      },
      "action",
    ),
  };
}

const LATER_INPUT = {
  start_coordinate: wholes("left_click_drag: x and y of where to begin."),
  duration: { type: "number", description: "hold_key, wait: how long, seconds." },
  scroll_direction: one(["up", "down", "left", "right"], "scroll: where to."),
  scroll_amount: whole("scroll: how far, clicks of the wheel."),
};
