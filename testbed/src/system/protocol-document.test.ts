import { readFileSync } from "node:fs";
import {
  attestationSchema,
  BACKEND_DIALECTS,
  CANCEL_REASONS,
  CLOSE_CODES,
  coordinatorFrameSchema,
  DATA_HEADER_BYTES,
  DATA_KINDS,
  encryptionKeySchema,
  GATES,
  hardwareSchema,
  LIMITS,
  modelSchema,
  PROGRESS,
  providerFrameSchema,
  REPUTATION_REASONS,
  RUNTIME_COMPONENTS,
  registerSchema,
  rejectionsSchema,
  reputationMarkSchema,
  reputationSchema,
  SLOT_STATES,
  SUBPROTOCOL,
  SUPPORTED_VERSIONS,
  signedBlobSchema,
  slotSchema,
  usageSchema,
} from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { z } from "zod";

/** As written, but for the padding that makes columns of tables. */
const DOCUMENT = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8").replace(
  /^\|.*\|$/gm,
  (row) => row.replace(/ *\| */g, " | ").trim(),
);

/** Objects that several frames share: each has a section of its own, and frames only name it. */
const PARTS: Readonly<Record<string, z.ZodObject>> = {
  Usage: usageSchema,
  Slot: slotSchema,
  Model: modelSchema,
  Hardware: hardwareSchema,
  "Encryption key": encryptionKeySchema,
  "Signed blob": signedBlobSchema,
  Attestation: attestationSchema,
  Rejections: rejectionsSchema,
  "Reputation reasons": reputationSchema.shape.reasons,
};

const FRAMES: Readonly<Record<string, z.ZodObject>> = Object.fromEntries(
  [registerSchema, ...providerFrameSchema.options, ...coordinatorFrameSchema.options].map((schema) => [
    schema.shape.type.value,
    schema,
  ]),
);

/** The text under a heading, to the next one of its rank. */
function section(heading: string): string {
  const text = `${DOCUMENT}\n## `;
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) return "";
  const body = text.slice(start + heading.length + 2);
  return body.slice(0, body.search(/\n##+ /) + 1);
}

/** The first cell of each row of the tables whose first column has this title. */
function firstCells(text: string, title: string): string[] {
  const tables = text.split(/\n(?!\|)/).filter((block) => block.trimStart().startsWith(`| ${title} |`));
  const cells = tables.flatMap((table) => [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell]) => cell ?? ""));
  return cells.filter((cell) => `\`${cell}\`` !== title);
}

/** What a member holds, without `optional`, `default` and `array` around it. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return bare(schema.def.innerType);
  if (schema instanceof z.ZodArray) return bare(schema.def.element);
  return schema;
}

/** The names of an object's fields, those of objects within it with a dot, shared parts without theirs. */
function fieldsOf(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape).flatMap(([name, member]) => {
    const inner = bare(member);
    if (!(inner instanceof z.ZodObject) || Object.values(PARTS).includes(inner)) return [name];
    if (inner === reputationMarkSchema) return [name];
    return fieldsOf(inner).map((field) => `${name}.${field}`);
  });
}

/** The values of every closed list among an object's members. */
function valuesOf(schema: z.ZodObject): string[] {
  return Object.values(schema.shape).flatMap((member) => {
    const inner = bare(member);
    return inner instanceof z.ZodEnum ? inner.options.map(String) : [];
  });
}

describe("docs/protocol.md", () => {
  it.each(Object.entries(FRAMES))("has every field of the frame %s, and no other", (type, schema) => {
    const text = section(`### \`${type}\``);
    expect(firstCells(text, "field").toSorted()).toEqual(fieldsOf(schema).toSorted());
    expect(valuesOf(schema).filter((value) => !new RegExp(`\`"?${value}"?\``).test(text))).toEqual([]);
  });

  it.each(Object.entries(PARTS))("has every field of the part %s, and no other", (name, schema) => {
    const text = section(`### ${name}`);
    expect(firstCells(text, "field").toSorted()).toEqual(fieldsOf(schema).toSorted());
  });

  it("has no frame that does not exist", () => {
    const described = [...DOCUMENT.matchAll(/^### `(\w+)`$/gm)].map(([, type]) => type);
    expect(described.toSorted()).toEqual(Object.keys(FRAMES).toSorted());
  });

  it("has every value of the closed lists, and no other", () => {
    const error = section("### `error`");
    expect(firstCells(error, "`code`").toSorted()).toEqual(
      valuesOf(FRAMES["error"] as z.ZodObject)
        .filter((value) => !PROGRESS.some((each) => each === value))
        .toSorted(),
    );
    expect(firstCells(error, "`progress`")).toEqual([...PROGRESS]);
    expect(firstCells(section("### `cancel`"), "`reason`")).toEqual([...CANCEL_REASONS]);
    expect(firstCells(section("### `request`"), "`dialect`")).toEqual([...BACKEND_DIALECTS]);
    expect(firstCells(section("### `runtime_status`"), "`component`")).toEqual([...RUNTIME_COMPONENTS]);
    expect(firstCells(section("### Rejections"), "field")).toEqual([...GATES]);
    expect(firstCells(section("### Reputation reasons"), "field")).toEqual([...REPUTATION_REASONS]);
    expect(firstCells(section("### Slot"), "`state`")).toEqual([...SLOT_STATES]);
  });

  it("has every close code with its number, and no other", () => {
    const rows = [...section("## Close codes").matchAll(/^\| (\d{4}) \| `(\w+)` \|/gm)];
    expect(Object.fromEntries(rows.map(([, code, name]) => [name, Number(code)]))).toEqual({ ...CLOSE_CODES });
  });

  it("has every limit with its value, and no other", () => {
    const rows = [...section("## Limits").matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm)];
    const told = Object.fromEntries(rows.map(([, name, value]) => [name, Number(value?.replaceAll(",", ""))]));
    expect(told).toEqual({ ...LIMITS });
  });

  it("has an example whose frames have the fields that they need and no others, and the marks of this version", () => {
    const example = section("## An example session");
    const frames = [...example.matchAll(/^[→←] (\{.*(?:\n {3}["[{].*)*)$/gm)]
      .map(([, text]) => text ?? "")
      .filter((text) => !text.includes(",…"))
      .map((text) => z.looseObject({ type: z.string() }).parse(JSON.parse(text)));
    const types = frames.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["register", "registered", "sealing_context", "request", "complete"]));
    for (const { type, ...members } of frames) {
      const { shape } = FRAMES[type] as z.ZodObject;
      const needed = Object.keys(shape).filter((name) => !shape[name]?.safeParse(undefined).success);
      expect(Object.keys({ type, ...members })).toEqual(expect.arrayContaining(needed));
      expect(Object.keys(shape)).toEqual(expect.arrayContaining(Object.keys(members)));
    }
    expect(frames.find(({ type }) => type === "register")).toMatchObject({ versions: SUPPORTED_VERSIONS });
    expect(frames.find(({ type }) => type === "registered")).toMatchObject({ version: SUPPORTED_VERSIONS.max });
    const responses = [...example.matchAll(/^→ 02 \d{8} \d{8} (\d\d) \|/gm)].map(([, flags]) => Number(flags));
    expect(responses.map((flags) => flags & ~1).every((mark) => [2, 4, 8].includes(mark))).toBe(true);
    expect(responses.length).toBeGreaterThan(3);
  });

  it("has the subprotocol, the version and the layout of data frames", () => {
    expect(DOCUMENT).toContain(`\`${SUBPROTOCOL}\``);
    expect(DOCUMENT).toContain(`# The provider protocol, version ${SUPPORTED_VERSIONS.max}\n`);
    const frames = section("## Data frames");
    for (const [name, kind] of Object.entries(DATA_KINDS)) expect(frames).toContain(`${kind} = \`${name}\``);
    expect(frames).toContain(`| ${DATA_HEADER_BYTES} … | the sealed chunk |`);
  });
});
