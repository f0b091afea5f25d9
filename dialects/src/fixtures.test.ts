import { describe, expect, it } from "vitest";
import { grammarOf } from "./event-reading.js";
import { FIXTURE_FACTS, STREAM_FIXTURES, type StreamFixture, type ToldKind } from "./fixtures/index.js";
import type { EventReading } from "./kinds.js";
import { readEvents } from "./sse/sse-events.js";
import { SseSplitter } from "./sse/sse-splitter.js";
import { createWholeFold, readWhole } from "./whole.js";

/** The events of chunks that are cut before each of these places. */
function split(text: string, cuts: readonly number[]): (string | undefined)[] {
  const splitter = new SseSplitter({ eventBytes: 100_000, pieceBytes: 1_000 });
  const bytes = Buffer.from(text);
  const places = [0, ...cuts, bytes.length];
  const pieces = places.slice(1).flatMap((end, index) => splitter.push(bytes.subarray(places[index], end)));
  expect(splitter.finish()).toBeUndefined();
  expect(Buffer.concat(pieces).toString()).toBe(text);
  return pieces.flatMap((piece) => readEvents(Buffer.from(piece))?.map(({ data }) => data) ?? ["incomplete"]);
}

/** What the events of a stream are, up to its end. */
function readings({ dialect, text }: StreamFixture): EventReading[] {
  const data = split(text, []).filter((each) => each !== undefined && each !== "");
  return data.map((each) => grammarOf(dialect).read(each as string));
}

function kindOf(reading: EventReading): ToldKind | "malformed" {
  return reading.kind === "content" && reading.finishes ? "finish" : reading.kind;
}

describe.each(STREAM_FIXTURES)("$what ($dialect)", (fixture) => {
  const { dialect, text, kinds, tokens, usage, end } = fixture;

  it("is cut into the same events at any byte", () => {
    const whole = split(text, []);
    for (let cut = 1; cut < Buffer.byteLength(text); cut++) expect(split(text, [cut])).toEqual(whole);
    expect(split(text, [...Buffer.from(text).keys()])).toEqual(whole);
  });

  it("means what it says", () => {
    const told = readings(fixture);
    expect(told.slice(0, kinds.length).map(kindOf)).toEqual(kinds);
    expect(told.filter((each) => each.kind === "content" && each.generates)).toHaveLength(tokens);
  });

  it("tells what was counted", () => {
    const counts = readings(fixture).map((each) =>
      "parsed" in each ? grammarOf(dialect).usage(each.parsed) : undefined,
    );
    const largest = (member: keyof typeof usage): number | undefined => {
      const values = counts.flatMap((each) => each?.[member] ?? []);
      return values.length === 0 ? undefined : Math.max(...values);
    };
    expect(largest("prompt_tokens") ?? 0).toBe(usage.prompt_tokens);
    expect(largest("completion_tokens") ?? tokens).toBe(usage.completion_tokens);
    expect(largest("cached_tokens")).toBe(usage.cached_tokens);
  });

  it("comes to its end", () => {
    const told = readings(fixture);
    if (end.type === "error") {
      return expect(told.find(({ kind }) => kind === "error")).toEqual({ ...end, kind: "error", type: undefined });
    }
    const fold = createWholeFold(dialect, FIXTURE_FACTS);
    for (const each of told) if ("parsed" in each) fold.add(each.parsed);
    const body = Buffer.from(fold.body()).toString();
    expect(body).toBe(typeof end.body === "string" ? end.body : JSON.stringify(end.body));
    expect(readWhole(dialect, body)).toMatchObject({ kind: "content", finishes: true });
  });
});
