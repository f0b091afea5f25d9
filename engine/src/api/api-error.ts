/** Every error that the server can answer with, and its HTTP status. */
const STATUS = {
  invalid_json: 400,
  invalid_request: 400,
  unsupported_parameter: 400,
  unsupported_content: 400,
  unsupported_schema: 400,
  chat_unsupported: 400,
  tools_unsupported: 400,
  template_failed: 400,
  context_length_exceeded: 400,
  invalid_api_key: 401,
  model_not_found: 404,
  unknown_url: 404,
  method_not_allowed: 405,
  request_too_large: 413,
  generation_failed: 500,
  internal_error: 500,
  queue_full: 503,
  engine_stopping: 503,
} as const;

export type ApiErrorCode = keyof typeof STATUS;

/** OpenAI's error envelope. */
export interface ErrorEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: "invalid_request_error" | "server_error";
    readonly param: string | null;
    readonly code: ApiErrorCode;
  };
}

/** The one error class of the server. `param` names the field of the request at fault. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly param: string | undefined;

  constructor(code: ApiErrorCode, message: string, options: { param?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "ApiError";
    this.code = code;
    this.param = options.param;
  }

  /** Whatever was thrown, as an answer. The text of an unknown error is kept back: it may quote a prompt. */
  static from(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    return new ApiError("internal_error", "The engine failed to handle this request.", { cause: thrown });
  }

  get status(): number {
    return STATUS[this.code];
  }

  get envelope(): ErrorEnvelope {
    const type = this.status >= 500 ? "server_error" : "invalid_request_error";
    return { error: { message: this.message, type, param: this.param ?? null, code: this.code } };
  }
}

/** An answer that was given up. Whoever cancelled it by leaving sees nothing of this; the others learn why. */
export function cancelled(): never {
  throw new ApiError("engine_stopping", "The engine is stopping.");
}
