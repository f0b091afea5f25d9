import { MessageFold } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import { inTurns } from "../../platform/steps.js";
import type { Dialect, DialectContext } from "../../request/consumer.js";
import { PDF_TEXTS } from "../documents/pdf-texts.js";
import { type EventDialect, eventReply } from "../translation/event-reply.js";
import { type PdfTextsOf, pdfsOf } from "./documents.js";
import { messagesErrorBody } from "./error-body.js";
import { MessagesTranslator } from "./from-events.js";
import { mendedStop } from "./mended-stop.js";
import { type CountTokensBody, parseCountTokens, parseCreateMessage } from "./parse.js";
import {
  countTokenSteps,
  type MessagesRequest,
  messagesRequestSteps,
  NO_PDFS,
  type ReadBody,
  readSteps,
} from "./to-internal.js";

/** `POST /v1/messages` for one request. */
export function createMessagesDialect(context: DialectContext): Dialect<MessagesRequest> {
  return {
    errorBody: (error) => messagesErrorBody(error, context.id),
    normalise: (raw) => normalise(raw, context),
    reply: (request, consumer) => eventReply(messagesEvents(request), request.stream, consumer),
  };
}

function normalise(raw: Buffer, { id, clock, bounds }: DialectContext): MessagesRequest | Promise<MessagesRequest> {
  const read = inTurns(readSteps(raw, bounds, parseCreateMessage), raw.length);
  return withPdfs(read, clock, (body, pdfs) => inTurns(messagesRequestSteps(body, id, pdfs), raw.length));
}

/** An estimate, as nobody is asked who has the model's tokenizer. */
export interface InputTokens {
  readonly input_tokens: number;
}

/**
 * How many tokens the prompt of a body has.
 *
 * @throws HearthError `invalid_request`
 */
export function countTokens(
  raw: Buffer,
  { clock, bounds }: Omit<DialectContext, "id">,
): InputTokens | Promise<InputTokens> {
  const read = inTurns(readSteps(raw, bounds, parseCountTokens), raw.length);
  return withPdfs(read, clock, (body, pdfs) => inTurns(countTokenSteps(body, pdfs), raw.length));
}

/** Goes on when the PDFs of a body have been read: at once where it has none. */
function withPdfs<Body extends CountTokensBody, T>(
  read: ReadBody<Body> | Promise<ReadBody<Body>>,
  clock: Clock,
  goOn: (read: ReadBody<Body>, pdfs: PdfTextsOf) => T | Promise<T>,
): T | Promise<T> {
  if (read instanceof Promise) return read.then((done) => withPdfs(done, clock, goOn));
  const pdfs = pdfsOf(read.body);
  if (pdfs.length === 0) return goOn(read, NO_PDFS);
  return PDF_TEXTS.read(pdfs, clock).then((texts) =>
    goOn(read, new Map(pdfs.map(({ source }, index) => [source, texts[index] ?? ""]))),
  );
}

function messagesEvents(request: MessagesRequest): EventDialect {
  const { model, promptTokens, showsThinking, stopSequences, oneCall } = request;
  const id = request.id.replace(/^req_/, "msg_");
  return {
    dialect: "messages",
    translator: () => new MessagesTranslator({ id, model, promptTokens, showsThinking, stopSequences, oneCall }),
    fold: () => new MessageFold(),
    failureWriter: () => ({
      seen: () => {},
      failure: (error) => [{ ...messagesErrorBody(error, request.id) }],
    }),
    mend: mendedStop(stopSequences),
    tellsEnd: ({ type }) => type === "message_delta" || type === "message_stop",
  };
}
