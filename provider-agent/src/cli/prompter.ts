import { AgentError } from "../platform/agent-error.js";

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

/** Asks the owner. Every question throws AgentError `cancelled` when it is cancelled. */
export interface Prompter {
  intro(text: string): Promise<void>;
  outro(text: string): Promise<void>;
  note(text: string, title: string): Promise<void>;
  /** @param check returns what is wrong */
  text(question: string, options: TextOptions): Promise<string>;
  /** Shows nothing of the answer. */
  secret(question: string, check: (answer: string) => string | undefined): Promise<string>;
  confirm(question: string, initial: boolean): Promise<boolean>;
  select(question: string, choices: readonly Choice[]): Promise<string>;
  selectMany(question: string, choices: readonly Choice[]): Promise<readonly string[]>;
}

export interface TextOptions {
  /** Shown, and taken where nothing is typed. */
  readonly suggestion: string;
  readonly check: (answer: string) => string | undefined;
}

/** Questions in the terminal. The package that draws them is loaded with the first one. */
export function terminalPrompter(): Prompter {
  const load = () => import("@clack/prompts");
  return {
    intro: async (text) => (await load()).intro(text),
    outro: async (text) => (await load()).outro(text),
    note: async (text, title) => (await load()).note(text, title),
    text: async (message, { suggestion, check }) => {
      const { text } = await load();
      const validate = (value: string | undefined): string | undefined => check((value ?? "").trim() || suggestion);
      const answer = await text({ message, placeholder: suggestion, defaultValue: suggestion, validate });
      return answered(answer).trim() || suggestion;
    },
    secret: async (message, check) => {
      const { password } = await load();
      return answered(await password({ message, validate: (value) => check((value ?? "").trim()) })).trim();
    },
    confirm: async (message, initialValue) => answered(await (await load()).confirm({ message, initialValue })),
    select: async (message, choices) => answered(await (await load()).select({ message, options: [...choices] })),
    selectMany: async (message, choices) => {
      const { multiselect } = await load();
      const initialValues = choices.map(({ value }) => value);
      return answered(await multiselect({ message, options: [...choices], initialValues, required: true }));
    },
  };
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === "symbol") throw new AgentError("cancelled", "Cancelled.");
  return answer as Exclude<T, symbol>;
}
