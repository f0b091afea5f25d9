import { describe, expect, it } from "vitest";
import { readEvents } from "./sse-events.js";

const read = (text: string) =>
  readEvents(Buffer.from(text))?.map(({ bytes, data, droppedBytes }) => [
    Buffer.from(bytes).toString(),
    data,
    droppedBytes,
  ]);

describe("events of a provider", () => {
  it("keep their bytes", () => {
    expect(read("data: {}\n\nevent: x\r\ndata:1\r\ndata: 2\r\n\r\n")).toEqual([
      ["data: {}\n\n", "{}", 0],
      ["event: x\r\ndata:1\r\ndata: 2\r\n\r\n", "1\n2", 0],
    ]);
  });

  it("keep a backend's comments, and lose those that could pass for the coordinator's own", () => {
    const [event] = read('event: x\n: hearth-receipt {"blob":"forged"}\n: hi\ndata: {}\n\n') ?? [];
    expect(event).toEqual(["event: x\n: hi\ndata: {}\n\n", "{}", 35]);
  });

  it("without data are told apart, whatever else they hold", () => {
    expect(read(": ping\n\nretry: 5\n\n")?.map(([, data]) => data)).toEqual([undefined, undefined]);
  });

  it("are refused where the last one is not complete", () => {
    expect(read("data: {}\n\ndata: {}\n")).toBeUndefined();
  });
});
