/** A body that is allowed to be sent, and as dear as a body of its kind can be made. */
export interface WorstBody {
  readonly name: string;
  readonly path: string;
  /** Made when it is wanted: together they are hundreds of megabytes. */
  readonly body: () => string;
  readonly status: 200 | 400;
  /** The member that a refusal names, where it names one. */
  readonly param?: string;
}

/** The model that they are all for: with tools, images and a context without end. */
export const WORST_MODEL = "worst";

/** Just under the largest body, characters. */
const LARGE = 15_000_000;
/** Just under the bounds of containers, members and entries. */
const CONTAINERS = 39_000;
const MEMBERS = 99_000;
const ITEMS = 390_000;

const CHAT = "/v1/chat/completions";
const RESPONSES = "/v1/responses";
const MESSAGES = "/v1/messages";
const COUNT = "/v1/messages/count_tokens";
const COMPLETIONS = "/v1/completions";
const EMBEDDINGS = "/v1/embeddings";

const many = (count: number, text: string): string => Array(count).fill(text).join(",");
const named = (count: number, value: string): string =>
  Array.from({ length: count }, (_, i) => `"a${i}":${value}`).join(",");
const bodyOf = (members: string): string => `{"model":"${WORST_MODEL}","max_tokens":5,${members}}`;
const say = (content: string): string => bodyOf(`"messages":[{"role":"user","content":${content}}]`);
const text = (unit: string): string => `"${unit.repeat(Math.floor(LARGE / Buffer.byteLength(unit)))}"`;
const HELLO = '"messages":[{"role":"user","content":"x"}]';

/** Texts of every kind that costs something of its own: escapes, two bytes a character, none of them. */
const TEXTS: readonly (readonly [name: string, unit: string])[] = [
  ["escaped quotes", '\\"'],
  ["line feeds", "\\n"],
  ["escaped controls", "\\u0001"],
  ["two-byte letters", "é"],
  ["three-byte letters", "語"],
  ["base64", "A"],
];

function texts(): WorstBody[] {
  return TEXTS.flatMap(([name, unit]): WorstBody[] => [
    { name: `chat, ${name}`, path: CHAT, body: () => say(text(unit)), status: 200 },
    { name: `messages, ${name}`, path: MESSAGES, body: () => say(text(unit)), status: 200 },
    { name: `responses, ${name}`, path: RESPONSES, body: () => bodyOf(`"input":${text(unit)}`), status: 200 },
    { name: `completions, ${name}`, path: COMPLETIONS, body: () => bodyOf(`"prompt":${text(unit)}`), status: 200 },
    { name: `counting, ${name}`, path: COUNT, body: () => say(text(unit)), status: 200 },
  ]);
}

const image = (): string =>
  say(`[{"type":"image_url","image_url":{"url":"data:image/png;base64,${"A".repeat(LARGE)}"}}]`);

/** Schemas that refer to each other, each to twenty. */
function references(): string {
  const defs = Array.from({ length: 1_800 }, (_, i) => {
    const others = Array.from({ length: 20 }, (_, k) => `{"$ref":"#/$defs/d${(i * 7 + k * 13 + 1) % 1_800}"}`);
    return `"d${i}":{"anyOf":[${others.join(",")}]}`;
  });
  const schema = `{"type":"object","$defs":{${defs.join(",")}},"properties":{"a":{"$ref":"#/$defs/d0"}}}`;
  return bodyOf(`${HELLO},"tools":[{"type":"function","function":{"name":"f","parameters":${schema}}}]`);
}

/** A few references of very many steps. */
function longReferences(): string {
  const properties = named(20, `{"$ref":"#${"/a~1".repeat(40_000)}"}`);
  const schema = `{"type":"object","properties":{${properties}}}`;
  return bodyOf(`${HELLO},"tools":[{"type":"function","function":{"name":"f","parameters":${schema}}}]`);
}

/** Values up to the bounds: they are served, or refused for what they say. */
function full(): WorstBody[] {
  const turns = many(CONTAINERS, '{"role":"user","content":"a"}');
  const developers = many(CONTAINERS, '{"role":"developer","content":"a"}');
  const parts = many(CONTAINERS, '{"type":"text","text":"a"}');
  const calls = many(24_000, '{"type":"function_call","call_id":"a","name":"b","arguments":"{}"}');
  const uses = many(19_000, '{"type":"tool_use","id":"a","name":"b","input":{}}');
  return [
    { name: "chat, turns", path: CHAT, body: () => bodyOf(`"messages":[${turns}]`), status: 200 },
    { name: "chat, turns to rename", path: CHAT, body: () => bodyOf(`"messages":[${developers}]`), status: 200 },
    { name: "chat, parts", path: CHAT, body: () => say(`[${parts}]`), status: 200 },
    {
      name: "chat, entries that nobody knows",
      path: CHAT,
      body: () => bodyOf(`${HELLO},"x":[${many(ITEMS, "1")}]`),
      status: 200,
    },
    {
      name: "chat, members that nobody knows",
      path: CHAT,
      body: () => bodyOf(`${HELLO},"x":{${named(MEMBERS - 9, "1")}}`),
      status: 200,
    },
    { name: "chat, schemas that refer", path: CHAT, body: references, status: 200 },
    { name: "chat, long references", path: CHAT, body: longReferences, status: 200 },
    { name: "chat, an image", path: CHAT, body: image, status: 200 },
    {
      name: "chat, white space",
      path: CHAT,
      body: () => bodyOf(`"messages":[${" ".repeat(LARGE)}{"role":"user","content":"x"}]`),
      status: 200,
    },
    { name: "responses, turns", path: RESPONSES, body: () => bodyOf(`"input":[${turns}]`), status: 200 },
    { name: "responses, calls", path: RESPONSES, body: () => bodyOf(`"input":[${calls}]`), status: 200 },
    { name: "messages, turns", path: MESSAGES, body: () => bodyOf(`"messages":[${turns}]`), status: 200 },
    { name: "counting, turns", path: COUNT, body: () => bodyOf(`"messages":[${turns}]`), status: 200 },
    {
      name: "messages, calls",
      path: MESSAGES,
      body: () => bodyOf(`"messages":[{"role":"assistant","content":[${uses}]}]`),
      status: 200,
    },
    {
      name: "messages, entries that nobody knows",
      path: MESSAGES,
      body: () => bodyOf(`${HELLO},"x":[${many(ITEMS, "1")}]`),
      status: 200,
    },
    {
      name: "chat, entries that are no parts",
      path: CHAT,
      body: () => say(`[${many(ITEMS, "1")}]`),
      status: 400,
      param: "messages[0].content[0]",
    },
    {
      name: "chat, parts without a type",
      path: CHAT,
      body: () => say(`[${many(CONTAINERS, "{}")}]`),
      status: 400,
      param: "messages[0].content[0].type",
    },
    {
      name: "responses, metadata",
      path: RESPONSES,
      body: () => bodyOf(`"input":"x","metadata":{${named(MEMBERS - 9, "1")}}`),
      status: 400,
      param: "metadata",
    },
    {
      name: "completions, many prompts",
      path: COMPLETIONS,
      body: () => bodyOf(`"prompt":[${many(ITEMS, '"a"')}]`),
      status: 400,
      param: "prompt",
    },
    {
      name: "embeddings, inputs",
      path: EMBEDDINGS,
      body: () => bodyOf(`"input":[${many(ITEMS, '"a"')}]`),
      status: 400,
      param: "input",
    },
  ];
}

/** Values beyond the bounds: nothing is built from them. */
function beyond(): WorstBody[] {
  const parts = many(800_000, '{"type":"text"}');
  return [
    { name: "beyond: parts", path: CHAT, body: () => say(`[${parts}]`), status: 400 },
    {
      name: "beyond: top-level members",
      path: CHAT,
      body: () => bodyOf(`${HELLO},${named(900_000, "null")}`),
      status: 400,
    },
    {
      name: "beyond: turns",
      path: MESSAGES,
      body: () => bodyOf(`"messages":[${many(300_000, '{"role":"user","content":"a"}')}]`),
      status: 400,
    },
    {
      name: "beyond: turns to count",
      path: COUNT,
      body: () => bodyOf(`"messages":[${many(300_000, '{"role":"user","content":"a"}')}]`),
      status: 400,
    },
    {
      name: "beyond: inputs",
      path: EMBEDDINGS,
      body: () => bodyOf(`"input":[${many(2_000_000, '"a"')}]`),
      status: 400,
    },
    {
      name: "beyond: levels",
      path: CHAT,
      body: () => bodyOf(`"x":${"[".repeat(7_000_000)}${"]".repeat(7_000_000)}`),
      status: 400,
    },
  ];
}

export const WORST_BODIES: readonly WorstBody[] = [...texts(), ...full(), ...beyond()];
