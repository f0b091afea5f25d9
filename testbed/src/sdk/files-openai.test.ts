import { describe, expect, it } from "vitest";
import { pdfOf } from "../../../coordinator/src/testing/pdf.js";
import { messagesOf } from "./chat-backend.js";
import { client, hearth, openAiForEach } from "./openai-for-each.js";

openAiForEach();

const dataUrl = (mediaType: string, bytes: Buffer | string): string =>
  `data:${mediaType};base64,${Buffer.from(bytes).toString("base64")}`;
const TIDES = { filename: "tides.pdf", file_data: dataUrl("application/pdf", pdfOf("High at 12:34")) };
const NOTES = { filename: "notes.md", file_data: dataUrl("text/markdown; charset=utf-8", 'Grüße, "世界"\n') };
const PICTURES = { filename: "scan.pdf", file_data: dataUrl("application/pdf", pdfOf("")) };

const chat = (...content: object[]) =>
  client.chat.completions.create({ model: "m", messages: [{ role: "user", content: content as never }] });
const respond = (...content: object[]) =>
  client.responses.create({ model: "m", input: [{ role: "user", content: content as never }] });

describe("a file in the request", () => {
  it("is passed on as its text under its name, in chat completions", async () => {
    const provider = await hearth.provider((s) => s.answer("at noon"));
    await chat({ type: "file", file: TIDES }, { type: "file", file: NOTES }, { type: "text", text: "When?" });
    expect(messagesOf(provider.streams[0]!)).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "tides.pdf\nHigh at 12:34" },
          { type: "text", text: 'notes.md\nGrüße, "世界"\n' },
          { type: "text", text: "When?" },
        ],
      },
    ]);
  });

  it.each(["chat_completions", "responses"])("is so in Responses, to a backend of %s", async (dialect) => {
    const provider = await hearth.provider((s) => s.answer("at noon"), {
      models: [{ id: "m", dialects: [dialect === "responses" ? "responses" : "chat_completions"] }],
    });
    await respond({ type: "input_file", ...TIDES }, { type: "input_text", text: "When?" });
    expect(messagesOf(provider.streams[0]!)).toMatchObject([
      { role: "user", content: [{ text: "tides.pdf\nHigh at 12:34" }, { text: "When?" }] },
    ]);
  });

  it("is so in what a tool returned, and in what an answer goes on with", async () => {
    const provider = await hearth.provider((s) => s.answer("at noon"));
    const { id } = await client.responses.create({
      model: "m",
      input: [
        { type: "function_call", call_id: "c", name: "read", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: [{ type: "input_file", file_data: TIDES.file_data }] },
      ],
    });
    await client.responses.create({ model: "m", input: "Sure?", previous_response_id: id });
    for (const stream of provider.streams) {
      expect(messagesOf(stream)[1]).toMatchObject({ role: "tool", content: "High at 12:34" });
    }
  });

  it("is read where it comes as bare base64, if it is a PDF", async () => {
    const provider = await hearth.provider((s) => s.answer("at noon"));
    await chat({ type: "file", file: { file_data: pdfOf("Low at 6").toString("base64") } });
    expect(messagesOf(provider.streams[0]!)).toMatchObject([{ content: [{ type: "text", text: "Low at 6" }] }]);
  });

  it("counts where tokens are counted", async () => {
    const file = { type: "input_file" as const, ...TIDES, file_data: dataUrl("text/plain", "word ".repeat(400)) };
    const count = await client.responses.inputTokens.count({
      model: "m",
      input: [{ role: "user", content: [file] }],
    });
    expect(count.input_tokens).toBeGreaterThan(300);
  });
});

describe("a file", () => {
  it.each<[string, object, string, RegExp]>([
    ["of pictures only", PICTURES, "file_data", /no text/],
    ["that is no PDF", { file_data: dataUrl("application/pdf", "hello") }, "file_data", /cannot be read/],
    ["of another type", { file_data: dataUrl("application/zip", "PK") }, "file_data", /only files that are read/],
    ["of no type", { file_data: "aGVsbG8=" }, "file_data", /data URL/],
    ["that is not base64", { file_data: "data:text/plain,hello" }, "file_data", /data URL/],
    ["that is no text", { file_data: dataUrl("text/plain", Buffer.from([0xff])) }, "file_data", /UTF-8/],
    ["that is elsewhere", { file_id: "file-1" }, "file_id", /nothing is kept/],
    ["that is at an address", { file_url: "https://host/x.pdf" }, "file_url", /nothing is fetched/],
    ["that is at an address of data", { file_url: TIDES.file_data }, "file_data", /'file_data' only/],
    ["that is here and elsewhere", { ...TIDES, file_url: TIDES.file_data }, "file_url", /'file_data' only/],
    ["that is nowhere", { filename: "x.pdf" }, "file_data", /'file_data' only/],
  ])("%s is refused by its place", async (_name, file, member, words) => {
    const refused = (param: string) => ({ status: 400, param, message: expect.stringMatching(words) });
    const text = { type: "text", text: "read" };
    await expect(chat(text, { type: "file", file })).rejects.toMatchObject(
      refused(`messages[0].content[1].file.${member}`),
    );
    await expect(respond({ ...text, type: "input_text" }, { type: "input_file", ...file })).rejects.toMatchObject(
      refused(`input[0].content[1].${member}`),
    );
  });
});
