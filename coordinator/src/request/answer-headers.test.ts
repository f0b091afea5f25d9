import { expect, it } from "vitest";
import { fakeRecord, fakeSent } from "../testing/request-fakes.js";
import { answerHeaders } from "./answer-headers.js";

const LINK = { id: "prv_1", trust: "none", hardware: {}, agentVersion: "1.2.3", proven: undefined };

function headersOf(
  link: object = {},
  times = { arrivedAt: 0, parsedAt: 1.5, admittedAt: 103 },
  queuedMs = 100,
  ignored: readonly string[] = [],
) {
  const { record } = fakeRecord({ queuedMs, times, request: { ignored } });
  const winner = fakeSent({
    link: { ...LINK, ...link },
    attempt: { startedAt: 110 },
    times: { routeMs: 0.25, encryptMs: 0.5, dispatchMs: 0.125 },
  });
  record.first.add(fakeSent());
  record.first.add(winner);
  return answerHeaders(record, winner, 150);
}

it("names the machine that answers, what it has proved, and how many were asked", () => {
  expect(headersOf()).toMatchObject({
    "X-Provider-Id": "prv_1",
    "X-Provider-Attested": "false",
    "X-Provider-Trust-Level": "none",
    "X-Provider-Encrypted": "true",
    "X-Provider-Version": "1.2.3",
    "X-Provider-Model": "m",
    "X-Attempts": "2",
  });
  expect(headersOf()).not.toHaveProperty("X-Receipt-Id");
  const attested = headersOf({ trust: "hardware", hardware: { chip: "Apple M4" }, proven: {} });
  expect(attested).toMatchObject({
    "X-Provider-Attested": "true",
    "X-Provider-Trust-Level": "hardware",
    "X-Provider-Chip": "Apple M4",
    "X-Receipt-Id": "req",
  });
});

it("tells how long each part took, µs, the wait apart", () => {
  expect(JSON.parse(headersOf()["X-Timing"] ?? "")).toEqual({
    parse_us: 1_500,
    reserve_us: 1_500,
    route_us: 250,
    queue_us: 100_000,
    encrypt_us: 500,
    dispatch_us: 125,
    provider_us: 40_000,
  });
});

it("tells no negative time where clocks are coarse", () => {
  const { "X-Timing": timing } = headersOf({}, { arrivedAt: 0, parsedAt: 1, admittedAt: 100 }, 100);
  expect(JSON.parse(timing ?? "")).toMatchObject({ reserve_us: 0 });
});

it("lets no machine write a header of its own", () => {
  const headers = headersOf({ agentVersion: "1\r\nSet-Cookie: a=b", hardware: { chip: "é\u0000\n" } });
  expect(headers["X-Provider-Version"]).toBe("1??Set-Cookie: a=b");
  expect(headers["X-Provider-Chip"]).toBe("???");
});

it("names what was left out, each once, and only where something was", () => {
  const ignored = (names: readonly string[]) => headersOf({}, undefined, undefined, names)["X-Hearth-Ignored"];
  expect(ignored(["web_search", "moderation", "web_search"])).toBe("web_search, moderation");
  expect(headersOf()).not.toHaveProperty("X-Hearth-Ignored");
  // They are a consumer's own words, and every proxy has a limit for headers.
  expect(ignored(["a\r\nSet-Cookie: x", "b,c", "é"])).toBe("a??Set-Cookie: x, b?c, ?");
  const many = ignored(Array.from({ length: 10_000 }, (_, index) => `${index}`.padEnd(500, "x")));
  expect(many?.split(", ")).toHaveLength(32);
  expect(many?.length).toBeLessThan(2_200);
});
