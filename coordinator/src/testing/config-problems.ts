import { ConfigError } from "../config.js";

/** The problems of the ConfigError that it throws; none where it throws nothing. Whatever else it throws goes on. */
export function configProblems(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
