import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type AnswerFacts, factsOf } from "./answer-facts.js";
import { type Recording, readRecordings, type SpokenDialect } from "./recorded-traffic.js";
import { PATHS, ReplayBackend } from "./replay-backend.js";

// What servers have once answered, through an agent and a coordinator, in every dialect of a consumer. Recordings are
// others' work and no part of this repository: the fixtures of vercel/ai, for one, are in the form that is read here.

const folder = process.env["HEARTH_TRAFFIC_DIR"];
if (folder === undefined) console.warn("NOTICE: HEARTH_TRAFFIC_DIR is not set; no recorded traffic is replayed.");

const recordings = folder === undefined ? [] : readRecordings(folder);
const chats = recordings.filter(({ dialect }) => dialect === "chat_completions");
const natives = recordings.filter(({ dialect }) => dialect === "responses" || dialect === "messages");

let hearth: TestCoordinator;
let chatting: ReplayBackend;
let native: ReplayBackend;
let agents: readonly TestAgent[];

beforeAll(async () => {
  if (folder === undefined) return;
  hearth = await startTestCoordinator();
  chatting = await ReplayBackend.start("chatting");
  native = await ReplayBackend.start("native", ["responses", "messages"]);
  const coordinators = [`${hearth.url.replace("http", "ws")}/ws/provider`];
  const config = { tokenFor: () => PROVIDER_TOKEN, nativeDialects: ["responses", "messages"] as const };
  agents = [chatting, native].map(({ url }) => new TestAgent({ coordinators, backend: url, config }));
  const { registry } = hearth.coordinator;
  await until("both models are served", () => registry.serves("chatting") && registry.serves("native"), 20_000);
});

afterAll(async () => {
  if (folder === undefined) return;
  for (const agent of agents) await agent[Symbol.asyncDispose]();
  await chatting[Symbol.asyncDispose]();
  await native[Symbol.asyncDispose]();
  await hearth.stop();
});

const messages = [{ role: "user", content: "hi" }];
const BODIES: Readonly<Record<SpokenDialect, object>> = {
  chat_completions: { messages },
  completions: { prompt: "hi" },
  // What is kept is written by Hearth, whatever the backend speaks.
  responses: { input: "hi", store: false },
  messages: { messages, max_tokens: 4096 },
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function ask(
  backend: ReplayBackend,
  recording: Recording,
  dialect: SpokenDialect,
  stream: boolean,
): Promise<Answer> {
  backend.playing = recording;
  const usage = stream && dialect !== "messages" && dialect !== "responses" ? { include_usage: true } : undefined;
  const model = backend === native ? "native" : "chatting";
  const response = await fetch(hearth.url + PATHS[dialect], {
    method: "POST",
    headers: { authorization: `Bearer ${API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream, ...BODIES[dialect], stream_options: usage }),
  });
  return { status: response.status, body: await response.text() };
}

/** What an SDK makes of the recording itself; `undefined` where it cannot read it. */
async function told(recording: Recording): Promise<AnswerFacts | undefined> {
  const facts = await factsOf("chat_completions", recording.body, recording.isStream).catch(() => undefined);
  return facts && { ...facts, usage: usageOf(recording) };
}

/** Thoughts are written, too, whoever counts them beside the rest: the total is of all. */
function usageOf({ values }: Recording): AnswerFacts["usage"] {
  const usages = values.flatMap(({ usage }) => (usage ? [usage as Readonly<Record<string, number>>] : []));
  const { prompt_tokens: read, total_tokens: total } = usages.at(-1) ?? {};
  return [read, read === undefined || total === undefined ? undefined : total - read];
}

const forms = [true, false];
const UNREADABLE = "No SDK at hand can read the recording itself.";

describe.each(chats.map((recording) => ({ recording, ...recording })))("a chat: $name", ({ recording }) => {
  it.for(forms)("says the same in every dialect (streamed: %s)", async (stream, { skip }) => {
    const said = await told(recording);
    if (said === undefined) return skip(UNREADABLE);
    const counted = said.usage[0] !== undefined;
    for (const dialect of ["chat_completions", "responses", "messages", "completions"] as const) {
      const { body } = await ask(chatting, recording, dialect, stream);
      const heard = await factsOf(dialect, body, stream);
      const isText = dialect === "completions";
      const expected = isText
        ? { ...said, reasoning: "", calls: [], finish: said.finish?.replace("tool-calls", "stop") }
        : said;
      expect({ dialect, ...heard, usage: counted ? heard.usage : said.usage }).toEqual({ dialect, ...expected });
    }
  });
});

/** The events of a stream up to its end; some files hold several answers, and some servers begin twice. */
function eventsOf(body: string): readonly string[] {
  const events = body.split(/(?<=\n\n)/).filter((each) => /^data: \{/m.test(each));
  const end = events.findIndex((each) => /^event: (message_stop|response\.(completed|incomplete))$/m.test(each));
  return events.slice(0, end + 1).filter((each, index, all) => index === 0 || each !== all[0]);
}

function responseOf(body: string): object {
  const data = /^data: (.*)$/m.exec(eventsOf(body).at(-1) ?? "")?.[1] ?? "{}";
  return (JSON.parse(data) as { readonly response: object }).response;
}

/** The answer in a stream, put together by the vendor's own SDK where the last event does not hold it. */
async function wholeOf(dialect: SpokenDialect, body: string): Promise<object> {
  if (dialect === "responses") return responseOf(body);
  const type = { "content-type": "text/event-stream" };
  const fetch = async () => new Response(eventsOf(body).join(""), { headers: type });
  const client = new Anthropic({ apiKey: "k", fetch });
  const stream = client.beta.messages.stream({ model: "m", max_tokens: 9, messages: [] });
  // What the SDK adds.
  const { parsed_output: _, ...message } = JSON.parse(JSON.stringify(await stream.finalMessage())) as Whole;
  return message;
}

type Whole = Readonly<Record<string, unknown>>;

const isFailure = ({ values }: Recording): boolean => values.some(({ type }) => type === "response.failed");

describe.each(natives.map((recording) => ({ recording, ...recording })))("$dialect: $name", ({ recording }) => {
  const { dialect, isStream, body } = recording;

  it("is in the form in which it came what it was", async () => {
    const answer = await ask(native, recording, dialect, isStream);
    if (isFailure(recording)) return expect(answer.status).toBeGreaterThanOrEqual(400);
    if (isStream) return expect(eventsOf(answer.body)).toEqual(eventsOf(body));
    expect(JSON.parse(answer.body)).toMatchObject(JSON.parse(body) as object);
  });

  it("is the same in the other form", async ({ skip }) => {
    if (isFailure(recording)) return skip("It is a failure, which has one form.");
    const answer = await ask(native, recording, dialect, !isStream);
    if (!isStream) return expect(await wholeOf(dialect, answer.body)).toMatchObject(JSON.parse(body) as object);
    const whole = await wholeOf(dialect, body).catch(() => undefined);
    if (whole === undefined) return skip(UNREADABLE);
    expect(JSON.parse(answer.body)).toMatchObject(whole);
  });
});

it.skipIf(folder === undefined)("there is something to replay", () => {
  expect(recordings.length).toBeGreaterThan(0);
});
