/**
 * The arguments of a call in a conversation as servers take them, who read them as JSON and answer 500 to what is none:
 * those of a call without any are `{}`, and those that the model broke off are kept as a text in an object.
 */
export function wholeArguments(args: string): string {
  if (args.trim() === "") return "{}";
  try {
    JSON.parse(args);
    return args;
  } catch {
    return JSON.stringify({ invalid_json: args });
  }
}
