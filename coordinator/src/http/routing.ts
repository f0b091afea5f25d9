import type { IncomingHttpHeaders } from "node:http";
import { describeFault } from "@hearth/platform";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, Handler, Hono } from "hono";
import { ENDPOINTS } from "../api/endpoints.js";
import { errorResponse, openAiErrorBody } from "../api/error-envelope.js";
import { messagesErrorBody } from "../api/messages/error-body.js";
import { HearthError } from "../platform/errors.js";
import type { Logger } from "../platform/logger.js";
import type { ErrorBody } from "../request/consumer.js";
import { isStoreAway, isStoreDamaged } from "../store/watched-store.js";
import { sendErrorTo } from "./node-consumer.js";

/** What every handler can get at: the request and the answer as Node has them. */
export type HttpEnv = { Bindings: HttpBindings };

/** When to ask again after the store has failed, s: about as long as a database takes to restart. */
const STORE_RETRY_SECONDS = 5;

/** Answers what no route takes, and what a route throws, in the form of the API that was asked. */
export function answerErrors(app: Hono<HttpEnv>, log: Logger): void {
  app.notFound((c) => {
    throw noRoute(app, c);
  });
  app.onError((thrown, c) => {
    const error = isStoreAway(thrown) && !isStoreDamaged(thrown) ? storeAway() : HearthError.from(thrown);
    if (error !== thrown) log.error({ fault: describeFault(thrown) }, "route failed");
    return sendError(c, error);
  });
}

/**
 * Nothing of what was asked has been done by halves: a store does the whole of an operation or nothing. Damage does not
 * pass, so it is no 503.
 */
function storeAway(): HearthError {
  const words = "What is kept here can be neither read nor written now: try again in a moment.";
  return new HearthError("service_unavailable", words, { retryAfterSeconds: STORE_RETRY_SECONDS });
}

function sendError(c: Context<HttpEnv>, error: HearthError): Response {
  const { outgoing, incoming } = c.env;
  const response = errorResponse(error, errorBodyFor(c.req.path, incoming.headers));
  // Hono makes another response of what answers a HEAD, which then is sent, too.
  if (incoming.method === "HEAD" && !outgoing.headersSent) return new Response(null, response);
  sendErrorTo(outgoing, response);
  return RESPONSE_ALREADY_SENT;
}

/** Whoever asks in Anthropic's form: their SDKs say so in a header. */
export const wantsAnthropicForm = (headers: IncomingHttpHeaders): boolean => headers["anthropic-version"] !== undefined;

/** The form of an error of which no dialect has heard: an unknown route, a wrong method, a model that is not there. */
function errorBodyFor(path: string, headers: IncomingHttpHeaders): ErrorBody {
  const endpoint = ENDPOINTS.find((each) => path === each.path || path.startsWith(`${each.path}/`));
  if (endpoint?.errorBody !== undefined) return endpoint.errorBody;
  const isOfModels = path === "/v1/models" || path.startsWith("/v1/models/");
  return isOfModels && wantsAnthropicForm(headers) ? messagesErrorBody : openAiErrorBody;
}

/** The methods that a route of ours may be for. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/**
 * A route that has POST alone. Other methods of its path are refused here: else its last part might be taken for the id of
 * a route beside it.
 */
export function postOnly(app: Hono<HttpEnv>, path: string, handler: Handler<HttpEnv>): void {
  app.post(path, handler);
  app.all(path, (c) => {
    throw wrongMethod(["POST"], c);
  });
}

/** Why nobody takes a request: its method is not one for its path, or there is no such path. */
function noRoute(app: Hono<HttpEnv>, c: Context<HttpEnv>): HearthError {
  const { method, path } = c.req;
  const allow = METHODS.filter((each) => hasRoute(app, each, path));
  if (allow.length === 0) return new HearthError("not_found", `No route for ${method} ${path}.`);
  return wrongMethod(allow, c);
}

function wrongMethod(allow: readonly string[], { env }: Context<HttpEnv>): HearthError {
  // The upgrade itself is gone by now: what else a WebSocket's request has is left of it.
  if (allow.includes("POST") && env.incoming.headers["sec-websocket-key"] !== undefined) {
    return new HearthError("websocket_unsupported", "WebSockets are not spoken here: use POST, which can stream.");
  }
  return new HearthError("method_not_allowed", `Use ${allow.join(" or ")}.`, { allow });
}

/** Middleware is there for all methods, a route for one. */
function hasRoute(app: Hono<HttpEnv>, method: string, path: string): boolean {
  const [found] = app.router.match(method, path);
  return found.some(([[, route]]) => route.method === method);
}
