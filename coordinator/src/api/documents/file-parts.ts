import { type JsonNode, type JsonObjectText, readNode, type Splice, splice } from "@hearth/dialects";
import { z } from "zod";
import { invalidMember } from "../../platform/errors.js";
import { inTurns } from "../../platform/steps.js";
import type { DialectContext } from "../../request/consumer.js";
import { checkBody, parseJson } from "../check-body.js";
import { jsonBodySteps } from "../json-body.js";
import { PDF_TEXTS } from "./pdf-texts.js";

/** Why a file is refused that does not stand in the request. */
export const FILE_DATA_ONLY = "files are taken as 'file_data' only: send the file itself as a data URL";

/** A file as OpenAI has it: in Responses the part itself, in chat completions its member `file`. */
const file = z.looseObject({
  file_data: z.string(FILE_DATA_ONLY),
  file_url: z.null(FILE_DATA_ONLY).optional(),
  filename: z.string().nullish(),
});

/** A part that holds a file, where it stands in the text of its body, and what is to take its place. */
interface FilePart {
  readonly node: JsonNode;
  readonly textType: "text" | "input_text";
  readonly filename: string | null | undefined;
  readonly content: FileContent;
  /** The place of its data. */
  readonly param: string;
}

type FileContent = { readonly type: "pdf"; readonly base64: string } | { readonly type: "text"; readonly text: string };

/**
 * A body with the text of each file in its place, under the file's name: a model reads no other. Every other character
 * stays as it was.
 *
 * @param root the member that holds the conversation
 * @throws HearthError `invalid_request` with the place of a file that is none, has no text or is not in the request
 */
export function filesAsTexts(
  raw: Buffer,
  root: "messages" | "input",
  context: Pick<DialectContext, "clock" | "bounds">,
): Buffer | Promise<Buffer> {
  return raw.includes("file_data") ? withTexts(raw, root, context) : raw;
}

async function withTexts(
  raw: Buffer,
  root: string,
  { clock, bounds }: Pick<DialectContext, "clock" | "bounds">,
): Promise<Buffer> {
  const { object } = await inTurns(jsonBodySteps(raw, bounds, "left_out"), raw.length);
  const files = filesIn(object, root);
  const pdfs = files.flatMap(({ content, param }) => (content.type === "pdf" ? [{ ...content, param }] : []));
  const texts = (await PDF_TEXTS.read(pdfs, clock)).values();
  const splices = files.map(({ node, textType, filename, content }): Splice => {
    const text = content.type === "pdf" ? (texts.next().value ?? "") : content.text;
    const part = { type: textType, text: filename ? `${filename}\n${text}` : text };
    return { start: node.start, end: node.end, text: JSON.stringify(part) };
  });
  return Buffer.from(splice(object.text, splices));
}

/** Those of messages and of what tools returned. */
function filesIn({ text, members }: JsonObjectText, root: string): readonly FilePart[] {
  const member = members.findLast(({ key }) => key === root);
  const turns = itemsOf(member && readNode(text, member.start));
  return turns.flatMap((turn, index) =>
    turn.kind !== "object"
      ? []
      : ["content", "output"].flatMap((name) =>
          itemsOf(turn.members.get(name)).flatMap((part, at) =>
            filePart(text, part, `${root}[${index}].${name}[${at}]`),
          ),
        ),
  );
}

const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] => (node?.kind === "array" ? node.items : []);

function filePart(text: string, node: JsonNode, place: string): FilePart[] {
  if (node.kind !== "object") return [];
  const type = node.members.get("type");
  switch (type?.kind === "string" ? type.value : "") {
    case "input_file":
      return [readFile(text, { node, place, holder: node, textType: "input_text" })];
    case "file":
      return [readFile(text, { node, place: `${place}.file`, holder: node.members.get("file"), textType: "text" })];
  }
  return [];
}

interface FilePlace extends Pick<FilePart, "node" | "textType"> {
  readonly place: string;
  readonly holder: JsonNode | undefined;
}

function readFile(text: string, { node, place, holder, textType }: FilePlace): FilePart {
  const value = holder && parseJson(text.slice(holder.start, holder.end));
  const { file_data: data, filename } = checkBody(file, value, ...place.split("."));
  const param = `${place}.file_data`;
  return { node, textType, filename, content: contentOf(data, param), param };
}

/** How `%PDF-` begins as base64: some clients send it bare. */
const PDF_START = "JVBERi0";

function contentOf(data: string, param: string): FileContent {
  if (data.startsWith(PDF_START)) return { type: "pdf", base64: data };
  const comma = data.indexOf(",");
  const [mediaType = "", ...rest] = comma === -1 ? [] : data.slice("data:".length, comma).toLowerCase().split(";");
  if (!/^data:/i.test(data) || rest.at(-1) !== "base64") {
    throw invalidMember(param, "expected a data URL, such as data:application/pdf;base64,...");
  }
  const base64 = data.slice(comma + 1);
  if (mediaType === "application/pdf") return { type: "pdf", base64 };
  if (!mediaType.startsWith("text/") && mediaType !== "application/json") {
    throw invalidMember(param, "the only files that are read are application/pdf, application/json and text");
  }
  try {
    return { type: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64")) };
  } catch {
    throw invalidMember(param, "its text is not valid UTF-8");
  }
}
