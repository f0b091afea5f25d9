import { expect, it } from "vitest";
import { toCsv } from "./csv.js";

it("writes names, then rows, each line ended", () => {
  expect(
    toCsv([
      { a: 1, b: "x" },
      { b: "y", a: 2 },
    ]),
  ).toBe("a,b\r\n1,x\r\n2,y\r\n");
});

it("quotes what would end a field, and doubles quotes", () => {
  expect(toCsv([{ a: 'say "hi", please', b: "two\nlines", c: { d: 1 } }])).toBe(
    'a,b,c\r\n"say ""hi"", please","two\nlines","{""d"":1}"\r\n',
  );
});

it("leaves empty what is absent", () => {
  expect(toCsv([{ a: null, b: undefined, c: false }])).toBe("a,b,c\r\n,,false\r\n");
});

it.each(["=1+1", "+1", "-1", "@a", "\tx", "＝1+1", "＠a"])("keeps a spreadsheet from computing %j", (text) => {
  expect(toCsv([{ a: text }])).toBe(`a\r\n'${text}\r\n`);
});

it("keeps a spreadsheet from computing what begins behind an empty line", () => {
  expect(toCsv([{ a: "\n=1+1" }])).toBe(`a\r\n"'\n=1+1"\r\n`);
});

it("writes negative numbers as they are", () => {
  expect(toCsv([{ a: -1 }])).toBe("a\r\n-1\r\n");
});

it("writes nothing where there is nothing", () => {
  expect(toCsv([])).toBe("");
});
