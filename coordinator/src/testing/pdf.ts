import { deflateSync } from "node:zlib";

/** A small PDF with these texts, a page each; a page without one is empty. */
export function pdfOf(...pages: readonly string[]): Buffer {
  const kids = pages.map((_, index) => `${10 + 2 * index} 0 R`).join(" ");
  const objects = pages.flatMap((text, index) => {
    const page = 10 + 2 * index;
    const drawn = text === "" ? "" : `BT /F1 24 Tf 72 700 Td (${text}) Tj ET`;
    return [
      `${page} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents ${page + 1} 0 R` +
        "/Resources<</Font<</F1 3 0 R>>>>>>endobj",
      `${page + 1} 0 obj<</Length ${drawn.length}>>stream\n${drawn}\nendstream endobj`,
    ];
  });
  const parts = [
    "%PDF-1.4",
    "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
    `2 0 obj<</Type/Pages/Kids[${kids}]/Count ${pages.length}>>endobj`,
    "3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj",
    ...objects,
    "trailer<</Root 1 0 R>>",
  ];
  return Buffer.from(`${parts.join("\n")}\n`, "latin1");
}

/** A PDF of one page, of which this is what is drawn, packed. */
export function packedPdf(drawn: Buffer): Buffer {
  const packed = deflateSync(drawn);
  return Buffer.concat([
    Buffer.from(
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>endobj\n" +
        `4 0 obj<</Length ${packed.length}/Filter/FlateDecode>>stream\n`,
    ),
    packed,
    Buffer.from("\nendstream endobj\ntrailer<</Root 1 0 R>>\n"),
  ]);
}
