/** Why an answer is none, as far as the page says or does something else for it. */
export type ApiErrorKind =
  /** Nobody is signed in any more. */
  | "signed_out"
  | "forbidden"
  /** No such route or thing here. */
  | "missing"
  /** What was asked for cannot be; the words say why. */
  | "refused"
  | "no_money"
  /** Later, perhaps. */
  | "busy"
  /** No answer came at all. */
  | "unreachable"
  | "failed";

interface ErrorFacts {
  readonly status: number;
  readonly code?: string | undefined;
  readonly param?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** All that is wrong with settings that were sent. */
  readonly problems?: readonly SettingProblem[];
}

export interface SettingProblem {
  readonly path: string;
  readonly message: string;
}

/** A request of this page that has not gone well. Its message is in words for whoever looks at the page. */
export class ApiError extends Error {
  readonly kind: ApiErrorKind;
  readonly facts: ErrorFacts;

  constructor(kind: ApiErrorKind, message: string, facts: ErrorFacts) {
    super(message);
    this.name = "ApiError";
    this.kind = kind;
    this.facts = facts;
  }

  /** What an answer that is no success means. */
  static async of(response: Response): Promise<ApiError> {
    const { message, code, param, problems } = errorIn(await response.text().catch(() => ""));
    const retryAfter = Number(response.headers.get("Retry-After"));
    return new ApiError(kindOf(response.status), message ?? `The coordinator answered with ${response.status}.`, {
      status: response.status,
      code,
      param,
      ...(problems === undefined ? {} : { problems }),
      requestId: response.headers.get("X-Request-Id") ?? undefined,
      retryAfterSeconds: retryAfter > 0 ? retryAfter : undefined,
    });
  }

  /** What was thrown while the page asked, as one of these. */
  static from(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    // What fetch throws, whatever the browser calls it.
    if (thrown instanceof TypeError)
      return new ApiError("unreachable", "The coordinator does not answer.", { status: 0 });
    return new ApiError("failed", thrown instanceof Error ? thrown.message : String(thrown), { status: 0 });
  }
}

const KINDS: Readonly<Record<number, ApiErrorKind>> = {
  401: "signed_out",
  402: "no_money",
  403: "forbidden",
  404: "missing",
  405: "missing",
  429: "busy",
  503: "busy",
};

const kindOf = (status: number): ApiErrorKind => KINDS[status] ?? (status < 500 ? "refused" : "failed");

interface ToldError {
  readonly message?: string | undefined;
  readonly code?: string | undefined;
  readonly param?: string | undefined;
  readonly problems?: readonly SettingProblem[];
}

/** The error of a body in OpenAI's form; nothing of it where a proxy has answered with a page of its own. */
function errorIn(body: string): ToldError {
  try {
    const { error } = JSON.parse(body) as { error?: Record<string, unknown> };
    const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
    const problems = error?.["problems"];
    return {
      ...{ message: text(error?.["message"]), code: text(error?.["code"]), param: text(error?.["param"]) },
      ...(Array.isArray(problems) ? { problems: problems as readonly SettingProblem[] } : {}),
    };
  } catch {
    return {};
  }
}
