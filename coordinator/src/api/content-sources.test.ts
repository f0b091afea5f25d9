import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { checkSources } from "./content-sources.js";

const ADDRESS = "http://192.168.1.1/router";
const PNG = "data:image/png;base64,iVBORw0KGgo=";

function paramOf(body: Record<string, unknown>): string | undefined {
  try {
    checkSources(body);
    return undefined;
  } catch (error) {
    if (!(error instanceof HearthError)) throw error;
    expect(error.code).toBe("invalid_request");
    expect(error.message).not.toContain("192.168");
    return error.details.param;
  }
}

const user = (...content: unknown[]) => ({ messages: [{ role: "user", content }] });

describe("what would reach out", () => {
  it.each<[string, unknown]>([
    [".image_url.url", { type: "image_url", image_url: { url: ADDRESS } }],
    [".image_url", { type: "image_url", image_url: ADDRESS }],
    [".image_url.url", { image_url: { url: ADDRESS } }], // vLLM goes by the member, not by the type
    [".image_url", { type: "input_image", image_url: "file:///etc/passwd" }],
    [".image_url", { type: "input_image", image_url: "/etc/passwd" }],
    [".video_url.url", { type: "video_url", video_url: { url: ADDRESS } }],
    [".audio_url.url", { type: "audio_url", audio_url: { url: ADDRESS } }],
    [".input_audio.data", { type: "input_audio", input_audio: { data: ADDRESS, format: "wav" } }],
    [".input_audio.data", { type: "input_audio", input_audio: { data: "/dev/zero", format: "wav" } }],
    [".input_audio.url", { type: "input_audio", input_audio: { url: ADDRESS } }],
    [".input_video.url", { type: "input_video", input_video: { url: ADDRESS } }],
    [".image", { type: "image", image: ADDRESS }],
    [".image.url", { type: "image", image: { url: ADDRESS } }],
    [".source", { type: "image", source: ADDRESS }],
    [".source.url", { type: "image", source: { type: "url", url: ADDRESS } }],
    [".source.url", { type: "document", source: { type: "url", url: ADDRESS } }],
    [".source.data", { type: "image", source: { type: "base64", media_type: "image/png", data: ADDRESS } }],
    [".source.file_id", { type: "document", source: { type: "file", file_id: "f" } }],
    [".file.file_id", { type: "file", file: { file_id: "f" } }],
    [".file.file_data", { type: "file", file: { file_data: ADDRESS } }],
    [".file_url", { type: "input_file", file_url: ADDRESS }],
    [".uuid", { type: "image_url", image_url: null, uuid: "another's" }],
    [".image_embeds", { type: "image_embeds", image_embeds: "gASV" }],
    [".whatever", { type: "new", whatever: "HTTPS://host/x" }],
    [".whatever", { type: "new", whatever: "//host/x" }],
    [".whatever[1]", { type: "new", whatever: ["text", ADDRESS] }],
    [".whatever[0][0]", { type: "new", whatever: [[ADDRESS]] }],
    [".frames[0]", { type: "video", frames: ["/etc/passwd"] }],
    [".whatever.deep", { type: "new", whatever: { deep: "s3://bucket/x" } }],
    [".Image_URL", { type: "image_url", image_url: { url: PNG }, Image_URL: { url: ADDRESS } }],
    [".image_url.URL", { type: "image_url", image_url: { url: PNG, URL: ADDRESS } }],
    [".content[0].source.url", { type: "tool_result", content: [{ type: "image", source: { url: ADDRESS } }] }],
    [".source.content[0].image_url", { type: "document", source: { content: [{ image_url: ADDRESS }] } }],
    ["[0].image_url", [{ image_url: ADDRESS }]],
  ])("is refused by its place: content[0]%s", (place, part) => {
    expect(paramOf(user(part))).toBe(`messages[0].content[0]${place}`);
  });

  it.each<[string, Record<string, unknown>]>([
    ["images[0]", { messages: [], images: [ADDRESS] }],
    ["image", { prompt: "x", image: "/etc/passwd" }],
    ["mm_data.image.url", { messages: [], mm_data: { image: { url: ADDRESS } } }],
    ["documents[0].url", { messages: [], documents: [{ url: ADDRESS }] }],
    ["messages[0].images[0]", { messages: [{ role: "user", content: "x", images: [ADDRESS] }] }],
    ["messages[0].Content", { messages: [{ role: "user", content: "x", Content: [{ image_url: ADDRESS }] }] }],
    ["messages[0].content[0].image_url", { messages: [{ role: "tool", content: [{ image_url: ADDRESS }] }] }],
    ["system[0].image_url", { system: [{ type: "text", text: "x", image_url: ADDRESS }] }],
    ["input[0].content[0].image_url", { input: [{ role: "user", content: [{ image_url: ADDRESS }] }] }],
    ["input[0].output[0].image_url", { input: [{ type: "function_call_output", output: [{ image_url: ADDRESS }] }] }],
    ["input[0].output.image_url", { input: [{ type: "computer_call_output", output: { image_url: ADDRESS } }] }],
    ["input[0].image", { input: [{ image: ADDRESS }] }],
    ["prompt.image_url", { prompt: { image_url: ADDRESS } }],
    ["tools[1].server_url", { tools: [{ type: "function" }, { type: "mcp", server_url: ADDRESS }] }],
  ])("is refused wherever content stands: %s", (param, body) => {
    expect(paramOf(body)).toBe(param);
  });
});

describe("what travels inside the request", () => {
  it.each<[string, unknown]>([
    ["an image", { type: "image_url", image_url: { url: PNG, detail: "low" } }],
    ["an image of the responses API", { type: "input_image", image_url: PNG, file_id: null }],
    [
      "an image of the messages API",
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVB=" } },
    ],
    ["a short JPEG", { type: "image", source: { type: "base64", media_type: "image/jpeg", data: "/9j/4AAQ" } }],
    ["a long MP3", { type: "input_audio", input_audio: { data: `//uQ${"A".repeat(5000)}`, format: "mp3" } }],
    ["a file", { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AAAA" } }],
    ["a text about addresses", { type: "text", text: ADDRESS }],
    ["a document of text", { type: "document", source: { type: "text", data: ADDRESS } }],
    [
      "a result of a search",
      { type: "search_result", source: ADDRESS, title: "t", content: [{ type: "text", text: "x" }] },
    ],
    ["the arguments of a call", { type: "tool_use", id: "a", name: "get", input: { url: ADDRESS, path: "/etc" } }],
    ["a member of prose", { type: "new", note: "Note: see below" }],
  ])("passes: %s", (_name, part) => {
    expect(paramOf(user(part))).toBeUndefined();
  });

  it("leaves alone what clients note about a turn, calls and the schemas of tools", () => {
    const call = { id: "c", type: "function", function: { name: "get", arguments: JSON.stringify({ url: ADDRESS }) } };
    const properties = { url: { type: "string", default: ADDRESS }, image_url: { $ref: ADDRESS } };
    const body = {
      messages: [
        { role: "assistant", content: null, tool_calls: [call], reasoning_content: ADDRESS, audio: { id: "a" } },
        { role: "user", content: ADDRESS, url: ADDRESS },
      ],
      tools: [{ type: "function", function: { name: "get", parameters: { type: "object", properties } } }],
      metadata: { url: ADDRESS },
    };
    expect(paramOf(body)).toBeUndefined();
  });
});
