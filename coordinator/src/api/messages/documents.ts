import type { PdfDocument } from "../documents/pdf-texts.js";
import type { CountTokensBody, DocumentBlock } from "./parse.js";

/** The source of a document that has to be read before a chat can hold it. */
export type PdfSource = Extract<DocumentBlock["source"], { type: "base64" }>;

/** The texts of the PDFs of a conversation. */
export type PdfTextsOf = ReadonlyMap<PdfSource, string>;

/** The PDFs of a conversation, those that tools returned included. */
export function pdfsOf({ messages }: CountTokensBody): readonly (PdfDocument & { readonly source: PdfSource })[] {
  return messages.flatMap(({ role, content }, index) => {
    if (role !== "user" || typeof content === "string") return [];
    return content.flatMap((block, at) => {
      const place = `messages[${index}].content[${at}]`;
      if (block.type === "document") return pdfIn(block, place);
      if (block.type !== "tool_result" || !Array.isArray(block.content)) return [];
      return block.content.flatMap((inner, inside) =>
        inner.type === "document" ? pdfIn(inner, `${place}.content[${inside}]`) : [],
      );
    });
  });
}

function pdfIn({ source }: DocumentBlock, place: string): (PdfDocument & { readonly source: PdfSource })[] {
  if (source.type !== "base64") return [];
  return [{ source, base64: source.data, param: `${place}.source.data` }];
}
