import { isObject, parseProviderJson } from "./provider-json.js";

/** An error's words, with what stands beside them that tells its status: OpenAI's members, whatever a server calls them. */
interface ErrorWords {
  readonly message: string;
  readonly type?: unknown;
  readonly param?: unknown;
  readonly code?: unknown;
}

/**
 * The error that stands in an object of a backend's, be it an event or a whole body, in any of the forms that servers
 * have: under `error` (an object, a text, a list, one more `error`), under `errors`, beside `object: "error"` (vLLM), under `detail` (FastAPI), or with
 * nothing around its message. `undefined` where there is none.
 */
export function errorIn(value: Readonly<Record<string, unknown>>): unknown {
  const { error, object, detail, choices } = value;
  if (isPresent(error)) return errorUnder(error, value);
  // What is an answer may have members of any name.
  if (isPresent(choices)) return undefined;
  if (isPresent(detail)) return withSiblings(detailWords(detail), value);
  const { errors } = value;
  if (Array.isArray(errors) && errors.length > 0) return withSiblings(detailWords(errors), value);
  if (object === "error") return value;
  const message = onlyWords(value);
  return message === undefined ? undefined : withSiblings({ message }, value);
}

/** As far as the text of an error is kept that is no JSON, characters. */
const TEXT_LENGTH = 4_096;

/** The error that a whole body holds: {@link errorIn}, a list of those, or plain text. A page of HTML says nothing. */
export function errorInBody(text: string): unknown {
  const value = parseProviderJson(text);
  if (isObject(value)) return errorIn(value);
  if (Array.isArray(value)) return isObject(value[0]) ? errorIn(value[0]) : undefined;
  if (value !== undefined) return typeof value === "string" ? value : undefined;
  const words = text.trim();
  return words === "" || /^[<{[]/.test(words) ? undefined : words.slice(0, TEXT_LENGTH);
}

/** A text, or a list, tells less than what stands beside it. */
function errorUnder(error: unknown, value: Readonly<Record<string, unknown>>): unknown {
  if (Array.isArray(error)) return withSiblings(detailWords(error), value);
  // Gateways wrap what they were told once more.
  if (isObject(error) && error["message"] === undefined && isPresent(error["error"])) return errorIn(error);
  if (typeof error !== "string") return error;
  // Frameworks put the status's name under `error` and the words under `message`.
  const { message } = value;
  const whole = withSiblings({ message: typeof message === "string" && message !== "" ? message : error }, value);
  return Object.keys(whole).length === 1 && whole.message === error ? error : whole;
}

/** Members beside the words that tell the status, by the names that servers give them: TGI says `error_type`. */
function withSiblings(words: ErrorWords, beside: Readonly<Record<string, unknown>>): ErrorWords {
  const {
    code = beside["status_code"] ?? beside["statusCode"] ?? beside["status"],
    type = beside["error_type"],
    param,
  } = beside;
  return {
    ...words,
    ...(isPresent(type) && type !== "error" ? { type } : {}),
    ...(isPresent(param) ? { param } : {}),
    ...(isPresent(code) ? { code } : {}),
  };
}

/** FastAPI's: a sentence, or what is wrong with which member of the request. */
function detailWords(detail: unknown): ErrorWords {
  if (typeof detail === "string") return { message: detail };
  const problems = (Array.isArray(detail) ? detail : [detail]).map(problemWords);
  const [first] = problems;
  const message = problems.map((each) => each.message).join("; ");
  return first?.param === undefined ? { message } : { message, param: first.param };
}

function problemWords(problem: unknown): ErrorWords {
  if (!isObject(problem)) return { message: typeof problem === "string" ? problem : JSON.stringify(problem) };
  const { loc, msg, message = msg } = problem;
  const words = typeof message === "string" ? message : JSON.stringify(problem);
  // The first step says only that it is the body's.
  const steps = Array.isArray(loc) ? loc.filter((step, at) => at > 0 || step !== "body") : [];
  const param = steps.join(".");
  return param === "" ? { message: words } : { message: `${param}: ${words}`, param };
}

/** A message and nothing that an event of any dialect has. */
function onlyWords({ msg, message = msg, object, type }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof message !== "string" || message === "" || object !== undefined) return undefined;
  return type === undefined || isError(type) ? message : undefined;
}

const isError = (type: unknown): boolean => typeof type === "string" && /error/i.test(type);
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
