/** What a template is asked to render. Each name is one conversation. */
export type FixtureName =
  /** One question. */
  | "chat"
  /** A question under a system message. */
  | "system"
  /** The last message is the assistant's and empty: the template's own words begin the answer. */
  | "empty_assistant_tail"
  /** Tools and a question, and no call yet. */
  | "tools_offered"
  /** Tools, a call with object arguments, its result. */
  | "tool_flow"
  /** Two calls in one message, and their results. */
  | "parallel_tools"
  /** A picture in the question. */
  | "image"
  /** A video in the question. */
  | "video"
  /** A tool with one parameter, a text. */
  | "simple_tool"
  /** A tool with the schemas of `loose_types`, each with a string `type`. */
  | "string_types"
  /** A tool whose parameters have several types, or none, or are unions. */
  | "loose_types"
  /** The same two of what parameters hold. */
  | "nested_string_types"
  | "nested_loose_types"
  /** Two system messages, then a question. */
  | "second_system"
  /** A system message at the head, and one before the second question. */
  | "later_system"
  /** Two questions in a row. */
  | "second_question"
  /** A question after the result of a tool. */
  | "question_after_result";

type Variables = Readonly<Record<string, unknown>>;

/** A conversation as chat templates are given it. It survives a structured clone. */
export interface TemplateFixture {
  readonly name: FixtureName;
  /** The variables, in each of the ways in which a server may put them: one that renders will do. */
  readonly spellings: readonly Variables[];
  /** Words of the conversation; a rendering without them has left that part out. */
  readonly shows: readonly string[];
}

/**
 * Who renders the templates of a model. `transformers`: Hugging Face's `apply_chat_template`, which vLLM and mlx-lm call.
 * `llama_cpp`: it leaves out what the request has not, and gives arguments as text and pictures as markers to templates
 * that do not take objects and parts: it tries them first (seen in its `minja`, `requires_object_arguments`).
 */
export type TemplateHost = "transformers" | "llama_cpp";

/** The fixtures that only matter to a template which reads `tools`. */
export const TOOL_FIXTURES: ReadonlySet<FixtureName> = new Set(["tools_offered", "tool_flow", "parallel_tools"]);

/** Pairs that differ by a string `type` in the schemas of tools. */
export const TYPE_PAIRS = [
  ["string_types", "loose_types"],
  ["nested_string_types", "nested_loose_types"],
] as const satisfies readonly (readonly [FixtureName, FixtureName])[];

/** Conversations with a second system message. */
export const SYSTEM_FIXTURES = ["second_system", "later_system"] as const satisfies readonly FixtureName[];

/** Conversations in which user and assistant do not take turns. */
export const TURN_FIXTURES = ["second_question", "question_after_result"] as const satisfies readonly FixtureName[];

/** The fixtures that tell what a template can take, and that none need take. */
export const FACT_FIXTURES: ReadonlySet<FixtureName> = new Set([
  ...(["simple_tool"] as const),
  ...TYPE_PAIRS.flat(),
  ...SYSTEM_FIXTURES,
  ...TURN_FIXTURES,
]);

export const TOOL_NAME = "lookup_harbour_tides";

/** What schemas of real tools hold. Each node has one type, which every template takes. */
const TOOL = {
  type: "function",
  function: {
    name: TOOL_NAME,
    description: "Tells the tides of a harbour.",
    parameters: {
      type: "object",
      properties: {
        harbour: {
          type: "object",
          description: "Which harbour.",
          properties: {
            name: { type: "string", description: "Its name." },
            country: { type: "string", enum: ["FR", "GB", "NL"], default: "NL" },
          },
          required: ["name"],
        },
        days: { type: "array", items: { type: "string" }, description: "ISO dates.", minItems: 1 },
        height_unit: { type: "string", enum: ["m", "ft"], nullable: true },
        offset_hours: { type: "number", nullable: true },
        brief: { type: "boolean" },
      },
      required: ["harbour", "days"],
      additionalProperties: false,
    },
  },
};

type Schema = Readonly<Record<string, unknown>>;

/** Real tools have each of these; in the first of a pair there is a string `type`. */
const STRING_TYPES: Schema = {
  harbour: { type: "string", description: "Which harbour." },
  country: { type: "string", anyOf: [{ type: "string" }, { type: "null" }], description: "Its country." },
  height_unit: { type: "string", enum: ["m", "ft"] },
  comment: { type: "string", description: "Anything." },
};
const LOOSE_TYPES: Schema = {
  harbour: { type: ["string", "null"], description: "Which harbour." },
  country: { anyOf: [{ type: "string" }, { type: "null" }], description: "Its country." },
  height_unit: { enum: ["m", "ft"] },
  comment: { description: "Anything." },
};

/** What parameters hold, of this type. */
const nested = (type: unknown): Schema => ({
  harbour: { type: "object", description: "Which harbour.", properties: { name: { type } } },
  days: { type: "array", description: "Which days.", items: { type } },
});

function toolWith(properties: Schema): object {
  const parameters = { type: "object", properties, required: ["harbour"] };
  return { ...TOOL, function: { ...TOOL.function, parameters } };
}

const FACT_TOOLS: readonly (readonly [FixtureName, Schema])[] = [
  ["simple_tool", { harbour: STRING_TYPES["harbour"] }],
  ["string_types", STRING_TYPES],
  ["loose_types", LOOSE_TYPES],
  ["nested_string_types", nested("string")],
  ["nested_loose_types", nested(["string", "null"])],
];

interface Message {
  readonly role: string;
  readonly content: string;
}

const question: Message = { role: "user", content: "When is high tide?" };

const system: Message = { role: "system", content: "Answer as a pilot." };
const system2: Message = { role: "system", content: "Never guess a height: say when the table has none." };
const answered: Message = { role: "assistant", content: "Soon." };
const question2: Message = { role: "user", content: "And low tide?" };
const systems = [system.content, system2.content];
const questions = [question.content, question2.content];

/** Where Mistral's and others' templates demand an id, it is nine letters or digits. */
type Call = readonly [id: string, harbour: string, height: string];

const FIRST: Call = ["tide00001", "Hoek", "04:12"];
const SECOND: Call = ["tide00002", "Delfzijl", "11:45"];

function toolCall([id, name]: Call, as: "object" | "text"): object {
  const args = { harbour: { name, country: "NL" }, days: ["2025-03-01", "2025-03-02"], height_unit: null, brief: true };
  return {
    id,
    type: "function",
    function: { name: TOOL_NAME, arguments: as === "object" ? args : JSON.stringify(args) },
  };
}

/**
 * The content beside calls is empty text: mlx-lm's server makes that of OpenAI's `null`. It and vLLM also parse the
 * arguments into objects (seen in `mlx_lm/server.py`, `process_message_content`, and vLLM's `_postprocess_messages`).
 */
function called(calls: readonly Call[], as: "object" | "text"): object[] {
  const assistant = { role: "assistant", content: "", tool_calls: calls.map((call) => toolCall(call, as)) };
  const results = calls.map(([id, , high]) => ({ role: "tool", tool_call_id: id, name: TOOL_NAME, content: high }));
  return [question, assistant, ...results];
}

/** `enable_thinking` and what else only some templates know is left undefined; special tokens default to nothing. */
function variables(messages: readonly object[], rest: Variables): Variables {
  return { messages, add_generation_prompt: true, ...rest };
}

const NOTHING = { tools: null, documents: null };

function plain(host: TemplateHost, messages: readonly object[]): Variables[] {
  const forms = host === "transformers" ? [NOTHING] : [NOTHING, {}];
  return forms.map((form) => variables(messages, form));
}

function toolFlow(host: TemplateHost, calls: readonly Call[], ...then: readonly Message[]): Variables[] {
  const forms = host === "transformers" ? (["object"] as const) : (["object", "text"] as const);
  return forms.map((form) => variables([...called(calls, form), ...then], { ...NOTHING, tools: [TOOL] }));
}

function media(host: TemplateHost, type: "image" | "video"): Variables[] {
  const text = "What is this?";
  const parts = plain(host, [{ role: "user", content: [{ type }, { type: "text", text }] }]);
  return host === "transformers"
    ? parts
    : [...parts, ...plain(host, [{ role: "user", content: `<__media__>${text}` }])];
}

/** @param vision whether the model is said to take pictures: only then is its template asked to render any */
export function fixturesFor(host: TemplateHost, vision: boolean): TemplateFixture[] {
  const tail = { role: "assistant", content: "" };
  const offering = (tool: object): Variables[] => [variables([question], { ...NOTHING, tools: [tool] })];
  const shows = [question.content];
  const flow = [FIRST, SECOND].map((call) => call.slice(1));
  const text: TemplateFixture[] = [
    { name: "chat", spellings: plain(host, [question]), shows },
    { name: "system", spellings: plain(host, [system, question]), shows: [system.content, ...shows] },
    { name: "empty_assistant_tail", spellings: plain(host, [question, tail]), shows },
    { name: "tools_offered", spellings: offering(TOOL), shows: [TOOL_NAME, ...shows] },
    { name: "tool_flow", spellings: toolFlow(host, [FIRST]), shows: [TOOL_NAME, ...(flow[0] ?? [])] },
    { name: "parallel_tools", spellings: toolFlow(host, [FIRST, SECOND]), shows: [TOOL_NAME, ...flow.flat()] },
  ];
  const kinds = vision ? (["image", "video"] as const) : [];
  const pictures = kinds.map((name) => ({ name, spellings: media(host, name), shows: ["What is this?"] }));
  // What only tells more comes last: time may run out.
  const facts: TemplateFixture[] = [
    ...FACT_TOOLS.map(([name, schemas]) => ({
      ...{ name, spellings: offering(toolWith(schemas)), shows: [TOOL_NAME, ...shows] },
    })),
    { name: "second_system", spellings: plain(host, [system, system2, question]), shows: systems },
    { name: "later_system", spellings: plain(host, [system, question, answered, system2, question2]), shows: systems },
    { name: "second_question", spellings: plain(host, [question, question2]), shows: questions },
    { name: "question_after_result", spellings: toolFlow(host, [FIRST], question2), shows: questions },
  ];
  return [...text, ...pictures, ...facts];
}

/** A conversation in OpenAI's form: arguments are text, and what is absent is left out. */
export interface TemplateConversation {
  readonly messages: readonly Message[];
  readonly tools?: readonly object[];
}

/** A fixture as a chat request would have it. */
export function openAiForm(name: FixtureName): TemplateConversation & Pick<TemplateFixture, "shows"> {
  const fixture = TEXTS.find((each) => each.name === name);
  if (fixture === undefined) throw new Error(`no fixture of text is called ${name}`);
  // The last spelling for llama.cpp.
  const { messages, tools } = fixture.spellings.at(-1) as unknown as TemplateConversation;
  return { messages, shows: fixture.shows, ...(tools ? { tools } : {}) };
}

const TEXTS: readonly TemplateFixture[] = fixturesFor("llama_cpp", false);
