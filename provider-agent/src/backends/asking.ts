import { Readable } from "node:stream";
import { errorInBody, readEvents } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { BackendResponse } from "./backend.js";
import {
  askedOtherwise,
  type Inability,
  isTemplateError,
  otherForm,
  otherWay,
  otherWayAfterFailure,
} from "./other-asking.js";

/** An answer over HTTP. Its body emits `close` when it has ended, in whatever way. */
export interface HttpResponse extends BackendResponse {
  readonly body: Readable;
}

/** A request to a server, which may have to be asked in another way. */
export interface Question {
  readonly body: Uint8Array;
  readonly clock: Clock;
  /** What the server is known not to be able to do. */
  readonly cannot: ReadonlySet<Inability>;
  /** @throws Error when no answer comes */
  send(body: Uint8Array): Promise<HttpResponse>;
  /** Takes note of what the server has answered without. */
  learn(cannot: ReadonlySet<Inability>): void;
}

/** Ways in which one request is asked: as it came, without two members, with other ids, with schemas of two kinds. */
const MAX_WAYS = 5;

/** Statuses of a refusal that may be about how a server was asked. llama.cpp's templates fail with a 400 or a 500. */
const REFUSALS = [400, 422, 500, 501];

/** How long to wait for the rest of a refusal, ms. */
const SILENCE_MS = 5_000;

interface Refused {
  readonly response: HttpResponse;
  readonly words: Words;
}

/** What a refusal says, as far as anybody reads it. */
interface Words {
  readonly read: Buffer;
  /** What comes behind it, where its end has not come in time. */
  readonly rest?: AsyncIterable<Uint8Array>;
}

/** What has been tried before, and the answer that is given when nothing helps. */
interface Tries {
  readonly ways: readonly string[];
  readonly refused: Refused | undefined;
}

/**
 * Asks, and asks in another way where a refusal says that this may help. The refusal that is returned answers the
 * request as it was made, never one that was changed by more than the server had named.
 */
export async function askUntilAnswered(question: Question): Promise<HttpResponse> {
  return await ask(question, { ways: [], refused: undefined });
}

async function ask(question: Question, before: Tries): Promise<HttpResponse> {
  const { body, cannot } = question;
  const response = await question.send(askedOtherwise(body, cannot));
  if (!REFUSALS.includes(response.status)) return answered(response, question, before);
  if (response.status === 500 && !mayHelp(body)) return response;
  const words = await wordsIn(response.body, question.clock);
  const refused = before.refused ?? { response, words };
  const ways = [...before.ways, nameOf(cannot)];
  const nextWay = response.status === 500 ? otherWayAfterFailure : otherWay;
  const next = nextWay({ words: words.read.toString("utf8"), body, cannot });
  if (next === undefined || ways.length === MAX_WAYS || ways.includes(nameOf(next))) return restored(refused);
  return await ask({ ...question, cannot: next }, { ways, refused: isNamed(next, cannot) ? undefined : refused });
}

const nameOf = (cannot: ReadonlySet<Inability>): string => [...cannot].sort().join();

function answered(response: HttpResponse, question: Question, { ways, refused }: Tries): HttpResponse {
  if (response.status >= 400) return refused === undefined ? response : restored(refused, response);
  if (ways.length > 0) question.learn(question.cannot);
  return mayFailInStream(response, question.body) ? orAskedAgain(response, question) : response;
}

/** The server has said itself what to leave out: what it says then is about what was asked for. */
const isNamed = (next: ReadonlySet<Inability>, cannot: ReadonlySet<Inability>): boolean =>
  (["stream_options", "stream_with_tools", "long_call_ids"] as const).some(
    (each) => next.has(each) && !cannot.has(each),
  );

/** A refusal whose body has been read, in the place of the answer to another try. */
function restored({ response, words }: Refused, instead?: HttpResponse): HttpResponse {
  instead?.body.destroy();
  return { ...response, body: Readable.from(textOf(words), { objectMode: false }) };
}

async function* textOf({ read, rest }: Words): AsyncGenerator<Uint8Array> {
  if (read.length > 0) yield read;
  if (rest !== undefined) yield* rest;
}

/** The rest of a longer refusal is left. */
async function wordsIn(body: Readable, clock: Clock): Promise<Words> {
  const stream = iteratorOf(body);
  let read = Buffer.alloc(0);
  while (read.length < LIMITS.errorBodyBytes) {
    const pending = stream.next();
    const next = await beforeSilence(pending, clock);
    if (next === undefined) return { read, rest: continued(pending, stream) };
    if (next.done === true) return { read };
    read = Buffer.concat([read, next.value]);
  }
  await stream.return?.();
  return { read };
}

/** @returns `undefined` when it has not come in time */
function beforeSilence<T>(pending: Promise<T>, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(SILENCE_MS, () => resolve(undefined));
    pending.then(resolve, reject).finally(() => timer[Symbol.dispose]());
  });
}

async function* continued(
  pending: Promise<IteratorResult<Uint8Array>>,
  stream: AsyncIterableIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const next = await pending;
  if (next.done !== true) yield next.value;
  yield* stream;
}

const mayHelp = (body: Uint8Array): boolean =>
  mentionsTools(body) || Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('"stream_options"');

function mentionsTools(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return ['"tools"', '"functions"', '"tool_calls"'].some((name) => bytes.includes(name));
}

/** LM Studio opens the stream before it looks at the template. */
function mayFailInStream({ status, contentType }: HttpResponse, body: Uint8Array): boolean {
  return status === 200 && contentType.startsWith("text/event-stream") && mentionsTools(body);
}

function orAskedAgain(response: HttpResponse, question: Question): HttpResponse {
  return { ...response, body: Readable.from(streamOf(response, question), { objectMode: false }) };
}

/** A stream; or, where it begins with a template's error, that of the other way, unless it begins so as well. */
async function* streamOf({ body }: HttpResponse, question: Question): AsyncGenerator<Uint8Array> {
  const stream = iteratorOf(body);
  try {
    const opening = yield* commentsOf(stream);
    const words = opening.error;
    const next = words === undefined ? undefined : otherForm({ ...question, words });
    if (next !== undefined && (yield* anotherStream(next, question))) return;
    yield opening.read;
    yield* stream;
  } finally {
    await stream.return?.();
  }
}

/** @returns whether it was one; what has been read of it is a comment at most where it was not */
async function* anotherStream(cannot: ReadonlySet<Inability>, question: Question): AsyncGenerator<Uint8Array, boolean> {
  const { status, body } = await question.send(askedOtherwise(question.body, cannot));
  const stream = iteratorOf(body);
  try {
    if (status !== 200) return false;
    const opening = yield* commentsOf(stream);
    if (opening.error !== undefined) return false;
    question.learn(cannot);
    yield opening.read;
    yield* stream;
    return true;
  } finally {
    await stream.return?.();
    body.destroy();
  }
}

/** How a stream begins behind its comments. */
interface Opening {
  readonly read: Buffer;
  /** The words of the error that its first event is. */
  readonly error?: string;
}

/** Hands on the comments before the first event as they come: they are signs of life. */
async function* commentsOf(stream: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, Opening> {
  let read = Buffer.alloc(0);
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { read };
    read = Buffer.concat([read, next.value]);
    const events = readEvents(read);
    const data = events?.find((event) => event.data !== undefined)?.data;
    if (data !== undefined) return { read, ...errorOf(data) };
    if (read.length >= LIMITS.errorBodyBytes) return { read };
    if (events === undefined) continue;
    yield read;
    read = Buffer.alloc(0);
  }
}

function errorOf(data: string): Pick<Opening, "error"> {
  const error = errorInBody(data);
  const words = typeof error === "string" ? error : JSON.stringify(error);
  return words !== undefined && isTemplateError(words) ? { error: words } : {};
}

const iteratorOf = (body: Readable): AsyncIterableIterator<Uint8Array> =>
  body[Symbol.asyncIterator]() as AsyncIterableIterator<Uint8Array>;
