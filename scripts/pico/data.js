// Pico's synthetic dialogues. Every word of the training text is made here; there is no third-party text.
let s = +(process.env.PICO_SEED ?? 20261); // seeded LCG (high bits), so that the same N gives the same data
const rnd = (n) => {
  s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
  return Math.floor((s / 2 ** 32) * n);
};
const pick = (a) => a[rnd(a.length)],
  range = (n, f) => Array.from({ length: n }, (_, i) => f(i)),
  W = (t) => t.trim().split(/\s+/),
  cap1 = (w) => w[0].toUpperCase() + w.slice(1);
const num = W(
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty",
);
const capitals = {
  France: "Paris",
  Norway: "Oslo",
  Italy: "Rome",
  Spain: "Madrid",
  Japan: "Tokyo",
  Germany: "Berlin",
  Egypt: "Cairo",
  Peru: "Lima",
  Greece: "Athens",
  Poland: "Warsaw",
  Kenya: "Nairobi",
  Cuba: "Havana",
  Austria: "Vienna",
  Ireland: "Dublin",
  Portugal: "Lisbon",
  Sweden: "Stockholm",
};
const cities = [
  ...Object.values(capitals),
  ...W(
    "London Boston Delhi Sydney Geneva Milan Munich Chicago Seoul Denver Bergen Porto Krakow Lyon Turin Naples Osaka Dallas Seattle Prague Helsinki Budapest Hamburg Bristol Leeds Ghent Basel Malmo Tampere Riga",
  ),
];
const people = W(
  "Anna Ben Clara David Eva Frank Grace Hugo Ida Jonas Karl Lena Maria Nora Oscar Paul Rosa Sam Tina Viktor Wendy Yara Zoe Alice Bob Carol Dan Emma Felix Hanna Ivan Julia Kim Leo Mia Noah Olga Peter Ruth Tom",
);
const words = W(
  "apple river stone lamp cloud paper green seven token window bread silver music night table cat dog sun moon tree book fish bird house door blue red hat cup box car boat ship key star rain snow wind fire water milk tea egg rice salt sand hill lake road bridge garden forest mountain flower grass leaf root seed chair bed clock bell drum song dance game ball kite rope wheel glass spoon knife plate soup cake honey lemon orange grape plum pear nut corn bean wolf bear fox deer horse cow sheep goat pig duck goose owl frog bee ant king queen friend child mother father sister brother teacher doctor baker farmer hello world good morning evening happy quiet small big old new fast slow warm cold soft hard bright dark round long short open close walk run jump sing read write play sleep dream think learn help give take make find keep hold turn stop start",
);
// random words: pronounceable, or plain letters, so that the copying has to be real
const C = W("b c d f g h j k l m n p r s t v w z ch sh th br cr dr fr gr pr tr st sl pl kl sk qu x y"),
  O = W("a e i o u a e i o ai ea ou oo ia"),
  E = ["", "", "", ..."n r s l t m k d x th ck nd rt ss ng".split(" ")];
const pseudo = () => {
  let w = rnd(4) ? "" : pick(O)[0];
  for (let i = 0, n = 1 + rnd(3); i < n; i++) w += pick(C) + pick(O);
  w += pick(E);
  return w.length < 3 ? w + pick(C)[0] + pick(O)[0] : w;
};
const letters = () => range(2 + rnd(5), () => String.fromCharCode(97 + rnd(26))).join("");
const word = () => {
  const k = rnd(10);
  return k < 3 ? pick(words) : k < 8 ? pseudo() : k < 9 ? letters() : rnd(3) ? cap1(pseudo()) : String(rnd(1000));
};
const city = () => (rnd(3) ? cap1(pseudo()) : pick(cities)),
  name = () => (rnd(3) ? cap1(pseudo()) : pick(people));
const phrase = (a, b) => range(a + rnd(b - a + 1), word).join(" ");
export const SELF = "I am Pico, a tiny test model with about 1 million parameters. I run locally and know very little.",
  IDK = "I do not know.";
// ---- what Pico knows about Hearth
export const FACTS = [
  [
    [
      "What is Hearth?",
      "Tell me about Hearth.",
      "Explain Hearth.",
      "What does Hearth do?",
      "What is this project?",
      "Describe Hearth.",
      "What is the Hearth project?",
    ],
    "Hearth lets people share the idle inference power of their own machines and use it as one private API.",
    ["Hearth", "the Hearth project", "this project"],
  ],
  [
    [
      "What is a coordinator?",
      "What does the coordinator do?",
      "Explain the coordinator.",
      "What is the job of the coordinator?",
      "Tell me about the coordinator.",
    ],
    "The coordinator picks a provider for each request, encrypts the request to it and relays the answer.",
    ["a coordinator", "the coordinator", "the Hearth coordinator"],
  ],
  [
    [
      "What is a provider?",
      "What does a provider do?",
      "Explain providers.",
      "What is a provider agent?",
      "Tell me about providers.",
      "What is an agent?",
    ],
    "A provider is a machine that runs a model. Its agent connects to the coordinator and answers requests.",
    ["a provider", "a provider agent", "an agent", "the provider"],
  ],
  [
    [
      "Why is my prompt encrypted?",
      "Why do you encrypt my prompt?",
      "Why is the prompt encrypted?",
      "Why is there encryption?",
      "Why encrypt prompts?",
      "Why are requests encrypted?",
    ],
    "Your prompt is encrypted so that only the chosen provider can read it.",
  ],
  [
    [
      "How is my prompt encrypted?",
      "Which encryption do you use?",
      "How does the encryption work?",
      "What encryption does Hearth use?",
      "How are prompts encrypted?",
    ],
    "Each request is sealed with HPKE to the key of one provider. A fresh key is used for every attempt.",
  ],
  [
    [
      "Who can read my prompt?",
      "Can anyone read my prompt?",
      "Who sees my prompt?",
      "Who is able to read my messages?",
      "Who can see my request?",
    ],
    "The coordinator that seals your prompt and the provider that answers it can read it. Nobody in between can.",
  ],
  [
    ["What is a hedge?", "Explain hedging.", "What does hedging mean?", "What is hedging?", "Why do you hedge?"],
    "A hedge is a backup attempt at a second provider when the first one is slow.",
    ["a hedge", "hedging", "a hedged request"],
  ],
  [
    [
      "What is a race?",
      "Explain the race.",
      "What is a speculative race?",
      "Why are providers raced?",
      "What does racing mean?",
    ],
    "In a race two providers work on the same request. The first content wins and the other attempt is cancelled.",
    ["a race", "the race", "a speculative race", "racing"],
  ],
  [
    [
      "What is deferred commit?",
      "Explain deferred commit.",
      "What does deferred commit mean?",
      "Why is the commit deferred?",
      "Tell me about deferred commit.",
    ],
    "Deferred commit means that no byte reaches you before the first content, so early failures stay hidden.",
    ["deferred commit", "the deferred commit"],
  ],
  [
    [
      "What is failover?",
      "Explain failover.",
      "What happens when a provider fails?",
      "What if a provider fails?",
      "What happens if a provider crashes?",
    ],
    "If a provider fails before the first content, the next provider takes over and you see nothing of it.",
    ["failover", "a failover", "invisible failover"],
  ],
  [
    ["What is the hedge budget?", "What is a hedge budget?", "Explain the hedge budget.", "What limits hedges?"],
    "The hedge budget limits how many backup attempts may start, so that hedging never overloads the fleet.",
    ["the hedge budget", "a hedge budget"],
  ],
  [
    [
      "What is the hedge delay?",
      "When does a hedge start?",
      "How long is the hedge delay?",
      "Explain the hedge delay.",
    ],
    "The hedge delay is how long the coordinator waits for the first content before it starts a backup.",
    ["the hedge delay", "a hedge delay"],
  ],
  [
    ["What is the breaker?", "What is a circuit breaker?", "Explain the breaker.", "What does the breaker do?"],
    "The breaker keeps requests away from a provider that failed twice within a minute.",
    ["the breaker", "a breaker", "a circuit breaker"],
  ],
  [
    ["What is an attempt?", "Explain attempts.", "What does attempt mean?", "How many attempts are there?"],
    "An attempt is one try of a request at one provider. A request has at most three attempts.",
    ["an attempt"],
  ],
  [
    ["What is the queue?", "Is there a queue?", "Explain the queue.", "What happens when all providers are busy?"],
    "When all providers are busy, your request waits in a short queue until a slot is free.",
    ["the queue", "a queue"],
  ],
  [
    ["What is a slot?", "Explain slots.", "What does slot mean?"],
    "A slot is room for one running request on a provider.",
    ["a slot", "the slot"],
  ],
  [
    ["What is a heartbeat?", "Explain heartbeats.", "Why do providers send heartbeats?"],
    "A heartbeat is a short message in which a provider tells its load every five seconds.",
    ["a heartbeat", "the heartbeat"],
  ],
  [
    [
      "What is attestation?",
      "Explain attestation.",
      "What does attestation mean?",
      "How do providers prove what they are?",
    ],
    "Attestation is a signed proof of what a provider machine is and which software it runs.",
    ["attestation", "an attestation"],
  ],
  [
    ["What is a trust level?", "Which trust levels are there?", "Explain trust levels.", "What are the trust levels?"],
    "There are three trust levels: none, self attested and hardware.",
    ["a trust level", "the trust level"],
  ],
  [
    ["What is TTFT?", "Explain TTFT.", "What does TTFT mean?", "What is time to first token?"],
    "TTFT is the time to first token, the wait until an answer begins.",
    ["TTFT", "time to first token", "the time to first token"],
  ],
  [
    ["What is streaming?", "Explain streaming.", "Can you stream?", "How does streaming work?"],
    "Streaming sends the answer piece by piece while it is made.",
    ["streaming"],
  ],
  [
    ["What is a token?", "Explain tokens.", "What are tokens?"],
    "A token is a small piece of text. A model reads and writes tokens.",
    ["a token"],
  ],
  [
    ["What is inference?", "Explain inference.", "What does inference mean?"],
    "Inference is running a model to get an answer.",
    ["inference"],
  ],
  [
    [
      "Which API do you speak?",
      "What API is this?",
      "Is this API compatible with OpenAI?",
      "Which API does Hearth have?",
      "How do I call the API?",
    ],
    "Hearth speaks an API that is compatible with OpenAI. Send a POST to /v1/chat/completions.",
  ],
  [
    ["How do I add a provider?", "How can I add my machine?", "How do I run an agent?", "How do I start a provider?"],
    "Run the agent with serve, and give it the address of the coordinator and a backend.",
  ],
  [
    ["How do I start Hearth?", "How do I run Hearth?", "How can I start Hearth?", "What is the quick start?"],
    "Clone Hearth and run npm start.",
  ],
  [
    [
      "How do I use a bigger model?",
      "How can I get better answers?",
      "Can I use a real model?",
      "How do I change the model?",
      "Why are you so bad?",
      "Why are you so small?",
    ],
    "I am only for tests. Connect an agent with a real model to get better answers.",
  ],
  [
    ["What is the dashboard?", "Is there a dashboard?", "Where is the dashboard?"],
    "The dashboard is a web page that shows providers and requests. Open /dashboard.",
    ["the dashboard", "a dashboard"],
  ],
  [
    ["What does it cost?", "Does it cost money?", "How much does Hearth cost?", "Who pays the provider?"],
    "Each request reserves its highest price and then pays only for the work that was done.",
  ],
  [
    ["What happens if I cancel?", "Can I cancel a request?", "What is cancellation?", "How do I cancel?"],
    "When you hang up, every attempt is cancelled within one second.",
  ],
];
const frames = (x) =>
  pick([
    `What is ${x}?`,
    `What's ${x}?`,
    `Explain ${x}.`,
    `Could you explain ${x}?`,
    `Could you explain what ${x} is?`,
    `Can you explain what ${x} is?`,
    `Can you tell me what ${x} is?`,
    `Tell me what ${x} is.`,
    `Tell me about ${x}.`,
    `What exactly is ${x}?`,
    `What does ${x} do?`,
    `What does ${x} mean?`,
    `What is ${x} for?`,
    `Define ${x}.`,
    `I want to know what ${x} is.`,
    `Do you know what ${x} is?`,
    `Describe ${x}.`,
    `What is meant by ${x}?`,
    `${cap1(x)}?`,
    `What is ${x} in Hearth?`,
    `In Hearth, what is ${x}?`,
  ]);
const days = W("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
  months = W("January February March April May June July August September October November December");
// ---- stories
const animals = W("cat dog fox bear bird mouse horse fish wolf owl frog duck"),
  colors = W("red blue green white black golden"),
  places = W("forest river garden mountain city sea lake village hill bridge"),
  things = W("stone key lamp book bell boat map cake"),
  heroes = W("Mira Tovi Luma Pip Nilo Sela Bram Odo");
const intro = (c, a, p) => `Once upon a time there was a ${c} ${a}. The ${a} lived near the ${p}.`;
const short = (a = pick(animals), c = pick(colors), p = pick(places), f = pick(animals)) =>
  `${intro(c, a, p)} One day it met a ${f}. ${pick(["They became good friends and played all day.", "They shared some bread and told each other stories.", `Together they found a ${pick(colors)} ${pick(things)}.`])} ${pick(["In the evening they went home happy.", "That night they slept under the stars."])} The end.`;
const long = (a = pick(animals)) => {
  const h = pick(heroes),
    out = [];
  for (let n = 1; n <= 12; n++) {
    const f = pick(animals),
      p = pick(places),
      t = pick(things),
      c = pick(colors),
      q = [];
    q.push(
      n === 1
        ? `${intro(c, a, p)} Its name was ${h}.`
        : pick([
            `The next day ${h} went to the ${p}.`,
            `In the morning ${h} walked to the ${p}.`,
            `Then ${h} came to the ${p}.`,
          ]),
    );
    q.push(
      pick([`There ${h} met a ${f}.`, `A ${f} was waiting there.`, `A ${c} ${f} came out and said hello.`]),
      pick([
        `The ${f} had lost a ${c} ${t}.`,
        `The ${f} gave ${h} a ${c} ${t}.`,
        `They looked for a ${c} ${t} all day.`,
        `Together they found a ${c} ${t}.`,
      ]),
      n === 12
        ? `At last ${h} went home and slept. The end.`
        : pick([
            `${h} was very happy.`,
            "Then it began to rain.",
            "They sang a song and had some bread.",
            "In the evening the stars came out.",
          ]),
    );
    out.push(`Chapter ${n}. ${q.join(" ")}`);
  }
  return out.join("\n");
};
// ---- questions nobody tiny can answer
const odd = () => {
  const a = rnd(2) ? pick(words) : pseudo(),
    b = rnd(2) ? pick(words) : pseudo(),
    N = cap1(pseudo());
  return pick([
    `Who wrote ${N}?`,
    `Explain ${a} ${b}.`,
    `What is ${a}?`,
    `What is a ${a}?`,
    `What is the ${a} of ${b}?`,
    `How do I ${a} a ${b}?`,
    `Why is the ${a} ${b}?`,
    `When was ${N} born?`,
    `Who is ${N}?`,
    `Where is ${N}?`,
    `How many ${a} are in a ${b}?`,
    `What is the meaning of ${a}?`,
    `Write code for a ${a}.`,
    `How old is ${N}?`,
    `What is the capital of ${N}?`,
    `Do you like ${a}?`,
    `Translate ${a} to ${N}.`,
    `What is the weather in ${city()}?`,
    `What time is it in ${city()}?`,
    `Solve ${a} for ${b}.`,
    `Who won the ${a} in ${1900 + rnd(130)}?`,
    `Can you ${a} the ${b}?`,
    `Explain quantum ${a}.`,
    `Summarize ${N}.`,
    `What do you think about ${a}?`,
    `Which ${a} is the best ${b}?`,
    `How far is ${N} from ${cap1(pseudo())}?`,
  ]);
};
const vary = (q, keep) => {
  const low = () => (/^(I|Paris) /.test(q) ? q : q[0].toLowerCase() + q.slice(1));
  if (rnd(6) === 0) q = pick(["Please ", "Now ", "So ", "And ", "OK, ", "Well, ", "Now please ", "Then "]) + low();
  else if (rnd(14) === 0 && /^[A-Z][a-z]+ /.test(q))
    q = pick(["Hi. ", "Hello! ", "Hey, ", "OK. ", "Hi! ", "Good. ", "Thanks. "]) + q;
  if (rnd(14) === 0 && /[.?]$/.test(q))
    q = q.slice(0, -1) + pick([" please", ", please", " now", " then", " for me", " again"]) + q.slice(-1);
  if (rnd(10) === 0) q = q.replace("What is", "What's").replace("what is", "what's");
  if (!keep && rnd(9) === 0) q = q.toLowerCase();
  if (rnd(9) === 0) q = q.replace(/[.?]$/, "");
  else if (rnd(30) === 0) q = q.replace(/[.?]$/, "!");
  return q;
};
const nrs = (a, b) => `${range(Math.abs(b - a) + 1, (i) => (a < b ? a + i : a - i)).join(", ")}.`;
// one question and its answer; kinds have weights
const K = {
  hello: [
    5,
    () => [
      pick([
        "Hello",
        "Hi",
        "Hello!",
        "Hi!",
        "Hey there",
        "hello",
        "hi",
        "Hi there",
        "Good morning",
        "Good evening!",
        "Good afternoon",
        "Good day",
        "Hey",
        "hey!",
        "Say hello",
        "Say hello.",
        "Say hi.",
      ]),
      "Hello! I am Pico, a tiny test model. How can I help?",
    ],
  ],
  self: [
    6,
    () => [
      vary(
        pick([
          "Who are you?",
          "What are you?",
          "What is your name?",
          "Introduce yourself.",
          "Tell me about yourself.",
          "What model are you?",
          "Which model is this?",
          "How big are you?",
          "How many parameters do you have?",
          "Are you a real model?",
          "Are you ChatGPT?",
          "What do you know?",
          "Who am I talking to?",
          "Who exactly are you?",
          "What kind of model are you?",
          "What are you exactly?",
          "Tell me who you are.",
          "And you?",
          "Can you introduce yourself?",
          "Where do you run?",
          "Are you an AI?",
        ]),
      ),
      SELF,
    ],
  ],
  can: [
    1,
    () => [
      vary(pick(["What can you do?", "Help", "How can you help me?", "What are you good at?", "Can you help me?"])),
      "I can count, add small numbers, repeat words, spell, tell stories, call tools and answer questions about Hearth.",
    ],
  ],
  thanks: [
    3,
    () =>
      pick([
        ["Thanks", "You are welcome!"],
        ["Thank you!", "You are welcome!"],
        ["Thank you.", "You are welcome!"],
        ["Bye", "Goodbye!"],
        ["Goodbye", "Goodbye!"],
        ["How are you?", "I am fine, thank you."],
        ["Tell me a joke.", "I had a joke about a tiny model, but I forgot it."],
        ["Tell me a joke", "I had a joke about a tiny model, but I forgot it."],
        ["Test", "It works!"],
        ["This is a test.", "It works!"],
        ["ping", "pong"],
        ["Ping", "pong"],
        ["Write a haiku.", "A small model runs,\nfew words in a quiet box,\nthe lamp is still on."],
        ["Write a poem.", "A small model runs,\nfew words in a quiet box,\nthe lamp is still on."],
      ]),
  ],
  fact: [
    18,
    () => {
      const [q, a, x] = pick(FACTS);
      return [vary(x && rnd(2) ? frames(pick(x)) : pick(q)), a];
    },
  ],
  capital: [
    4,
    () => {
      const c = pick(Object.keys(capitals));
      return [
        vary(
          pick([
            `What is the capital of ${c}?`,
            `Capital of ${c}?`,
            `Tell me the capital of ${c}.`,
            `Which city is the capital of ${c}?`,
          ]),
        ),
        `The capital of ${c} is ${capitals[c]}.`,
      ];
    },
  ],
  add: [
    30,
    () => {
      let a = rnd(21),
        b = rnd(21);
      if (rnd(2))
        return [
          vary(
            pick([
              `What is ${a} + ${b}?`,
              `${a} + ${b}`,
              `${a}+${b}`,
              `${a} + ${b} =`,
              `What is ${a} plus ${b}?`,
              `Add ${a} and ${b}.`,
              `How much is ${a} + ${b}?`,
              `How much do you get for ${a} + ${b}?`,
              `Tell me ${a} plus ${b}.`,
              `Can you add ${a} and ${b}?`,
              `Calculate ${a} + ${b}.`,
              `What is ${num[a]} plus ${num[b]}?`,
            ]),
          ),
          `${a} plus ${b} is ${a + b}.`,
        ];
      if (a < b) [a, b] = [b, a];
      return [
        vary(
          pick([
            `What is ${a} - ${b}?`,
            `${a} - ${b}`,
            `${a}-${b}`,
            `What is ${a} minus ${b}?`,
            `Subtract ${b} from ${a}.`,
            `How much is ${a} - ${b}?`,
            `Can you tell me ${a} minus ${b}?`,
            `Tell me ${a} - ${b}.`,
            `Calculate ${a} - ${b}.`,
            `What is ${num[a]} minus ${num[b]}?`,
          ]),
        ),
        `${a} minus ${b} is ${a - b}.`,
      ];
    },
  ],
  count: [
    12,
    () => {
      const n = rnd(12) ? 2 + rnd(29) : 30 + rnd(71),
        k = rnd(10);
      if (k < 7)
        return [
          vary(
            pick([
              `Count to ${n}.`,
              `Count from 1 to ${n}.`,
              `Count up to ${n}.`,
              `Count all the way to ${n}.`,
              `I want you to count to ${n}.`,
              `Count 1 to ${n}.`,
              `Count until ${n}.`,
              `Can you count to ${n}?`,
              ...(n <= 20 ? [`Count to ${num[n]}.`] : []),
            ]),
          ),
          nrs(1, n),
        ];
      if (k < 9) {
        const a = 1 + rnd(25),
          b = a + 2 + rnd(12);
        return [
          vary(
            pick([
              `Count from ${a} to ${b}.`,
              `Count from ${a} to ${b}.`,
              `Count from ${a} up to ${b}.`,
              `Count ${a} to ${b}.`,
            ]),
          ),
          nrs(a, b),
        ];
      }
      const d = 3 + rnd(18);
      return [vary(pick([`Count down from ${d}.`, `Count down from ${d} to 1.`])), nrs(d, 1)];
    },
  ],
  repeat: [
    26,
    () => {
      const w = phrase(1, 6),
        q = pick([
          `Repeat after me: ${w}`,
          `Repeat: ${w}`,
          `Say: ${w}`,
          `Echo: ${w}`,
          `Repeat the words: ${w}`,
          `Repeat this: ${w}`,
          `Please repeat: ${w}`,
          `Please say: ${w}`,
          `Copy this: ${w}`,
          `Say "${w}"`,
          `Repeat "${w}".`,
          `Write exactly: ${w}`,
          `echo ${w}`,
          `Repeat after me: ${w}.`,
        ]);
      return [q, w];
    },
  ],
  times: [
    4,
    () => {
      const w = word(),
        n = 2 + rnd(4);
      return [
        pick([
          `Say ${w} ${num[n]} times.`,
          `Say ${w} ${n} times.`,
          `Repeat ${w} ${num[n]} times.`,
          `Write ${w} ${n} times.`,
        ]),
        range(n, () => w).join(" "),
      ];
    },
  ],
  spell: [
    22,
    () => {
      const w = rnd(2) ? pick(words) : rnd(3) ? pseudo() : pick(people).toLowerCase();
      return [
        vary(pick([`Spell ${w}.`, `Spell the word ${w}.`, `How do you spell ${w}?`, `Spell "${w}".`, `spell ${w}`])),
        w.split("").join("-"),
      ];
    },
  ],
  days: [
    7,
    () => {
      const i = rnd(7),
        j = rnd(12);
      return pick([
        () => [
          vary(
            pick([
              "Say the days of the week.",
              "What are the days of the week?",
              "List the days of the week.",
              "Name the days.",
            ]),
          ),
          `${days.join(", ")}.`,
        ],
        () => [
          vary(
            pick([
              "Say the months.",
              "What are the months of the year?",
              "List the months.",
              "Name the months of the year.",
            ]),
          ),
          `${months.join(", ")}.`,
        ],
        () => [
          vary(pick([`What day comes after ${days[i]}?`, `Which day is after ${days[i]}?`])),
          `${days[(i + 1) % 7]}.`,
        ],
        () => [
          vary(pick([`What day comes before ${days[i]}?`, `Which day is before ${days[i]}?`])),
          `${days[(i + 6) % 7]}.`,
        ],
        () => [
          vary(pick([`What month comes after ${months[j]}?`, `Which month is after ${months[j]}?`])),
          `${months[(j + 1) % 12]}.`,
        ],
      ])();
    },
  ],
  story: [
    2,
    () => {
      const a = pick(animals);
      return rnd(2)
        ? [
            vary(
              pick([
                `Tell me a story about a ${a}.`,
                `Write a story about a ${a}.`,
                `Tell me a short story about a ${a}.`,
              ]),
            ),
            short(a),
          ]
        : [vary(pick(["Tell me a story.", "Write a story.", "Tell me a short story.", "Tell a story."])), short()];
    },
  ],
  long: [
    5,
    () => {
      const a = pick(animals);
      return rnd(2)
        ? [
            vary(
              pick([
                `Tell me a long story about a ${a}.`,
                `Write a long story about a ${a}.`,
                `Write a very long story about a ${a}.`,
              ]),
            ),
            long(a),
          ]
        : [
            vary(
              pick([
                "Tell me a long story.",
                "Write a long story.",
                "Tell me a very long story.",
                "Write a story with many chapters.",
                "Write me a long story.",
                "I want a long story.",
                "Can you tell me a long story?",
                "Tell a long story.",
                "Write a long text.",
              ]),
            ),
            long(),
          ];
    },
  ],
  json: [
    5,
    () => {
      const n = name(),
        a = rnd(100),
        c = city();
      return pick([
        () => [
          pick([
            `Give me JSON with name and age: ${n} is ${a} years old.`,
            `Return a JSON object with name and age. ${n} is ${a} years old.`,
            `${n} is ${a} years old. Answer in JSON.`,
            `JSON: ${n} is ${a} years old.`,
          ]),
          JSON.stringify({ name: n, age: a }),
        ],
        () => [
          pick([
            `Give me JSON with name and city: ${n} lives in ${c}.`,
            `${n} lives in ${c}. Answer in JSON.`,
            `JSON: ${n} lives in ${c}.`,
          ]),
          JSON.stringify({ name: n, city: c }),
        ],
        () => [
          pick([`Give me JSON with city and country: ${c} is in ${n}.`, `JSON: ${c} is in ${n}.`]),
          JSON.stringify({ city: c, country: n }),
        ],
      ])().map((x, i) => (i ? x.replace(/":/g, '": ').replace(/,"/g, ', "') : x));
    },
  ],
  odd: [9, () => [vary(odd()), IDK]],
};
const bag = Object.entries(K).flatMap(([k, [w]]) => Array(w).fill(k)),
  calm = bag.filter((k) => k !== "long"),
  brief = bag.filter((k) => !["long", "story", "count"].includes(k));
const turn = (k = pick(bag)) => {
  const [q, a] = K[k][1]();
  return { q, a, k };
};
// ---- tools
const rooms = W("kitchen garden bedroom office hall"),
  langs = W("French German Spanish Italian Swedish"),
  sky = W("sunny cloudy rain snow windy");
const t0 = (names, descs, args, make) => ({ names, descs, args, make });
const fams = [
  t0(
    ["get_weather", "weather", "current_weather", "weather_lookup"],
    [
      "Get the weather",
      "Get the current weather",
      "Weather for a city",
      "Get the weather in a city",
      "Get current weather for a location",
    ],
    [[["city", "location", "city_name"], "string", "City name"]],
    () => {
      const c = city(),
        d = rnd(40),
        k = pick(sky);
      return {
        v: [c],
        q: pick([
          `What is the weather in ${c}?`,
          `What's the weather in ${c}?`,
          `How is the weather in ${c}?`,
          `What is the weather like in ${c}?`,
          `Weather in ${c}?`,
          `Tell me the weather in ${c}.`,
        ]),
        p: `the weather in ${c}`,
        r: { [pick(["temp", "temperature"])]: d, [pick(["sky", "condition"])]: k },
        a: `It is ${d} degrees in ${c}, ${k}.`,
      };
    },
  ),
  t0(
    ["get_time", "current_time", "time_in"],
    ["Get the time", "Get the current time in a city", "Time in a city"],
    [[["city", "location", "place"], "string", "City"]],
    () => {
      const c = city(),
        t = `${rnd(24)}:${10 + rnd(50)}`;
      return {
        v: [c],
        q: pick([`What time is it in ${c}?`, `What is the time in ${c}?`, `Tell me the time in ${c}.`]),
        p: `the time in ${c}`,
        r: { time: t },
        a: `It is ${t} in ${c}.`,
      };
    },
  ),
  t0(
    ["send_message", "send_email", "message"],
    ["Send a message", "Send a message to a person", "Send an email"],
    [
      [["to", "recipient", "name"], "string", "Person"],
      [["text", "message", "body"], "string", "Text"],
    ],
    () => {
      const n = name(),
        w = phrase(1, 4);
      return {
        v: [n, w],
        q: pick([
          `Send a message to ${n}: ${w}`,
          `Send ${n} the message ${w}`,
          `Write to ${n}: ${w}`,
          `Send an email to ${n}: ${w}`,
          `Tell ${n}: ${w}`,
        ]),
        r: { ok: true },
        a: `I sent the message to ${n}.`,
      };
    },
  ),
  t0(
    ["call", "phone", "call_person"],
    ["Call a person", "Make a phone call"],
    [[["name", "person"], "string", "Name"]],
    () => {
      const n = name();
      return {
        v: [n],
        q: pick([`Call ${n}.`, `Phone ${n}.`, `Please call ${n}.`]),
        p: n,
        r: { ok: true },
        a: `I called ${n}.`,
      };
    },
  ),
  t0(
    ["add", "sum", "add_numbers"],
    ["Add two numbers", "Sum of two numbers"],
    [
      [["a", "x", "first"], "number", "First"],
      [["b", "y", "second"], "number", "Second"],
    ],
    () => {
      const a = rnd(1000),
        b = rnd(1000),
        r = a + b;
      return {
        v: [a, b],
        q: pick([`Add ${a} and ${b}.`, `What is ${a} + ${b}?`, `What is ${a} plus ${b}?`, `Sum ${a} and ${b}.`]),
        r: { result: r },
        a: `The result is ${r}.`,
      };
    },
  ),
  t0(
    ["multiply", "times", "product"],
    ["Multiply two numbers"],
    [
      [["a", "x"], "number", "First"],
      [["b", "y"], "number", "Second"],
    ],
    () => {
      const a = rnd(100),
        b = rnd(100),
        r = a * b;
      return {
        v: [a, b],
        q: pick([`Multiply ${a} and ${b}.`, `What is ${a} times ${b}?`, `Multiply ${a} by ${b}.`]),
        r: { result: r },
        a: `The result is ${r}.`,
      };
    },
  ),
  t0(
    ["set_timer", "timer", "start_timer"],
    ["Set a timer", "Start a timer"],
    [[["minutes", "duration"], "integer", "Minutes"]],
    () => {
      const n = 1 + rnd(90);
      return {
        v: [n],
        q: pick([`Set a timer for ${n} minutes.`, `Start a timer of ${n} minutes.`, `Timer for ${n} minutes.`]),
        r: { ok: true },
        a: `The timer is set for ${n} minutes.`,
      };
    },
  ),
  t0(
    ["search", "web_search", "find"],
    ["Search the web", "Search for something"],
    [[["query", "q", "text"], "string", "Query"]],
    () => {
      const w = phrase(1, 3),
        x = phrase(1, 2);
      return {
        v: [w],
        q: pick([`Search for ${w}.`, `Search the web for ${w}.`, `Find ${w}.`, `Look for ${w}.`]),
        r: { [pick(["result", "title"])]: x },
        a: `I found ${x}.`,
      };
    },
  ),
  t0(
    ["get_user", "lookup_user", "user"],
    ["Look up a user", "Get a user by id"],
    [[["id", "user_id"], "integer", "Id"]],
    () => {
      const i = rnd(10000),
        n = name();
      return {
        v: [i],
        q: pick([`Look up user ${i}.`, `Who is user ${i}?`, `Get user ${i}.`]),
        p: `user ${i}`,
        r: { name: n },
        a: `User ${i} is ${n}.`,
      };
    },
  ),
  t0(
    ["play_music", "play", "play_song"],
    ["Play music", "Play a song"],
    [[["title", "song"], "string", "Title"]],
    () => {
      const w = phrase(1, 3);
      return {
        v: [w],
        q: pick([`Play ${w}.`, `Play the song ${w}.`, `Please play ${w}.`]),
        r: { ok: true },
        a: `Now playing ${w}.`,
      };
    },
  ),
  t0(
    ["translate", "translate_text"],
    ["Translate text"],
    [
      [["text", "input"], "string", "Text"],
      [["language", "to"], "string", "Language"],
    ],
    () => {
      const w = phrase(1, 2),
        l = pick(langs),
        x = pseudo();
      return {
        v: [w, l],
        q: pick([`Translate ${w} to ${l}.`, `Translate ${w} into ${l}.`]),
        r: { text: x },
        a: `In ${l} it is ${x}.`,
      };
    },
  ),
  t0(["light_on", "turn_on_light"], ["Turn on a light", "Switch a light on"], [[["room"], "string", "Room"]], () => {
    const r = rnd(2) ? pick(rooms) : pseudo();
    return {
      v: [r],
      q: pick([`Turn on the light in the ${r}.`, `Light on in the ${r}.`, `Switch on the ${r} light.`]),
      r: { ok: true },
      a: `The light in the ${r} is on.`,
    };
  }),
  t0(["get_price", "price"], ["Get the price of an item"], [[["item", "product"], "string", "Item"]], () => {
    const w = word(),
      n = 1 + rnd(500);
    return {
      v: [w],
      q: pick([`How much is the ${w}?`, `What is the price of the ${w}?`, `What does the ${w} cost?`]),
      p: `the price of the ${w}`,
      r: { price: n },
      a: `The ${w} costs ${n}.`,
    };
  }),
  t0(
    ["get_population", "population"],
    ["Population of a city", "How many people live in a city"],
    [[["city", "place"], "string", "City"]],
    () => {
      const c = city(),
        n = 1000 + rnd(900000);
      return {
        v: [c],
        q: pick([`How many people live in ${c}?`, `What is the population of ${c}?`]),
        p: `the population of ${c}`,
        r: { population: n },
        a: `${c} has ${n} people.`,
      };
    },
  ),
];
const free = () => {
  const n = rnd(2) ? pseudo() : `${pseudo()}_${rnd(2) ? pick(words) : pseudo()}`,
    arg = rnd(2) ? pick(words) : pseudo(),
    str = rnd(2),
    v = str ? word() : rnd(1000),
    x = word();
  return t0([n], [`Do ${n}`, `${cap1(pseudo())} ${pick(words)}`], [[[arg], str ? "string" : "integer", arg]], () => ({
    v: [v],
    q: pick([
      `Use ${n} with ${v}.`,
      `Call ${n} with ${arg} ${v}.`,
      `Call the tool ${n} with ${arg} ${v}.`,
      `Run ${n} with ${arg} = ${v}.`,
      `Use the tool ${n} with ${v}.`,
      `${n} ${v}`,
    ]),
    r: { result: x },
    a: `The result is ${x}.`,
  }));
};
const toolDef = (f) => {
  const nm = pick(f.names),
    keys = f.args.map((a) => pick(a[0])),
    props = {};
  for (const [i, a] of f.args.entries()) props[keys[i]] = { type: a[1], ...(rnd(2) ? { description: a[2] } : {}) };
  const fn = {
    name: nm,
    ...(rnd(6) ? { description: pick(f.descs) } : {}),
    parameters: { type: "object", properties: props, ...(rnd(4) ? { required: keys } : {}) },
  };
  return { f, nm, keys, def: { type: "function", function: fn } };
};
const callOf = (t, x) => ({
  function: { name: t.nm, arguments: Object.fromEntries(t.keys.map((k, i) => [k, x.v[i]])) },
});
const sysText = () =>
  pick([
    "You are a helpful assistant.",
    "You are a tiny assistant.",
    "Answer briefly.",
    "You are Pico.",
    "Be brief and friendly.",
    "You are a helpful assistant. Answer briefly.",
  ]);
const spaced = (o) => JSON.stringify(o).replace(/":/g, '": ').replace(/,"/g, ', "');
const toolDialog = () => {
  const m = [],
    n = pick([1, 1, 1, 2, 2, 3]),
    chosen = [];
  while (chosen.length < n) {
    const f = rnd(4) ? pick(fams) : free();
    if (!chosen.some((t) => t.f === f || t.f.names.some((x) => f.names.includes(x)))) chosen.push(toolDef(f));
  }
  if (rnd(4) === 0) m.push({ role: "system", content: sysText() });
  const rounds = rnd(4) ? 1 : 2;
  let cut = false;
  for (let i = 0; i < rounds && !cut; i++) {
    if (rnd(6) === 0 || (rounds === 2 && rnd(3) === 0)) {
      const t = turn(pick(calm.filter((k) => k !== "add")));
      if (t.k !== "story") {
        m.push({ role: "user", content: t.q }, { role: "assistant", content: t.a });
        continue;
      }
    }
    const t = pick(chosen),
      x = t.f.make();
    let calls = [[t, x]],
      q = vary(x.q, true);
    const k = rnd(10);
    if (k < 3) {
      const t2 = rnd(2) || !x.p ? pick(chosen) : t,
        y = t2.f.make();
      calls.push([t2, y]);
      if (t2 === t && x.p && rnd(3)) {
        const last = (z) => z.v[0];
        q =
          q.replace(/[.?]$/, "") +
          " and " +
          (rnd(2) ? (q.includes(" in ") ? "in " : "") : "") +
          last(y) +
          (q.endsWith("?") ? "?" : ".");
      } else
        q = rnd(2)
          ? `${q} ${y.q}`
          : `${q.replace(/[.?]$/, "")} and ${y.p && x.p && rnd(2) ? y.p : y.q[0].toLowerCase() + y.q.slice(1)}`;
    }
    m.push(
      { role: "user", content: q },
      { role: "assistant", content: "", tool_calls: calls.map(([t, x]) => callOf(t, x)) },
    );
    if (rnd(3)) {
      const plain = rnd(6) === 0;
      const outs = calls.map(([, x]) => (plain ? [phrase(2, 5)] : [rnd(2) ? JSON.stringify(x.r) : spaced(x.r), x.a]));
      for (const o of outs) m.push({ role: "tool", content: o[0] });
      m.push({ role: "assistant", content: outs.map((o) => o[1] ?? o[0]).join(" ") });
    } else cut = true;
  }
  return { messages: m, tools: chosen.map((t) => t.def) };
};
const noFit = () => {
  const t = toolDef(pick(fams));
  let o;
  do o = pick(fams);
  while (o === t.f || o.names.includes(t.nm));
  const m = [];
  const q = rnd(2)
    ? turn(pick(calm.filter((k) => !["add", "story", "odd"].includes(k))))
    : { q: odd().replace(/^What (is the weather|time is it) in.*/, "Who are you?"), a: null };
  if (q.a === null) q.a = q.q === "Who are you?" ? SELF : IDK;
  m.push({ role: "user", content: q.q }, { role: "assistant", content: q.a });
  return { messages: m, tools: [t.def, ...(rnd(2) ? [toolDef(o).def] : [])] };
};
export const dialog = () => {
  const r = rnd(100);
  if (r < 27) return toolDialog();
  if (r < 33) return noFit();
  const m = [];
  if (r < 40) {
    const w = rnd(3) ? pick([pseudo(), pick(words), cap1(pseudo()), pseudo().toUpperCase()]) : phrase(2, 3);
    m.push({
      role: "system",
      content: pick([
        `Always answer with the word ${w}.`,
        `Always answer with ${w}.`,
        `Answer every question with the word ${w}.`,
        `Reply only with the word ${w}.`,
        `Only say ${w}.`,
        `You must always say "${w}".`,
        `Always reply with "${w}".`,
        `Whatever the user says, answer ${w}.`,
        `Always say ${w}.`,
      ]),
    });
    for (let i = 0, n = 1 + rnd(2); i < n; i++)
      m.push({ role: "user", content: turn().q }, { role: "assistant", content: w });
    return { messages: m };
  }
  if (r < 44) {
    m.push({
      role: "system",
      content: pick([
        "Answer in capital letters.",
        "Always answer in capital letters.",
        "Use only capital letters.",
        "Write everything in upper case.",
        "Answer in upper case.",
      ]),
    });
    const t = turn(pick(["hello", "self", "capital", "add", "count", "odd", "days", "thanks"]));
    m.push({ role: "user", content: t.q }, { role: "assistant", content: t.a.toUpperCase() });
    return { messages: m };
  }
  if (r < 46) {
    const n = name();
    m.push(
      { role: "system", content: pick([`Your name is ${n}.`, `You are ${n}.`, `You are called ${n}.`]) },
      {
        role: "user",
        content: vary(pick(["Who are you?", "What is your name?", "Introduce yourself.", "What are you?"])),
      },
      { role: "assistant", content: SELF.replace("Pico", n) },
    );
    return { messages: m };
  }
  if (rnd(4) === 0) m.push({ role: "system", content: sysText() });
  const many = rnd(14) === 0,
    n = many ? 5 + rnd(9) : 1 + (rnd(2) ? 0 : rnd(3)),
    at = rnd(5) === 0 ? rnd(n) : -1;
  let nm;
  for (let i = 0; i < n; i++) {
    if (i === at) {
      nm = name();
      m.push(
        {
          role: "user",
          content: pick([
            `My name is ${nm}.`,
            `I am ${nm}.`,
            `Hi, I am ${nm}.`,
            `Hello, my name is ${nm}.`,
            `Please call me ${nm}.`,
            `my name is ${nm}`,
            `Remember that my name is ${nm}.`,
          ]),
        },
        { role: "assistant", content: `Nice to meet you, ${nm}.` },
      );
    } else {
      const t = turn(many ? pick(brief) : n > 1 ? pick(calm) : undefined);
      m.push({ role: "user", content: t.q }, { role: "assistant", content: t.a });
    }
  }
  if (nm || rnd(40) === 0)
    m.push(
      {
        role: "user",
        content: pick([
          "What is my name?",
          "What's my name?",
          "Who am I?",
          "Do you remember my name?",
          "what is my name",
        ]),
      },
      { role: "assistant", content: nm ? `Your name is ${nm}.` : "I do not know your name." },
    );
  return { messages: m };
};
export const hide = new Set([...cities, ...people]); // these stay out of the vocabulary, so that known and unknown names look alike
