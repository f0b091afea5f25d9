import { expect, it } from "vitest";
import { WorkHistory } from "./work-history.js";

const MINUTE_MS = 60_000;

it("adds up the last hour, and forgets what is older", () => {
  const history = new WorkHistory();
  history.add({ picked: 1, lost: 2, rejected: { no_headroom: 3 } }, 0);
  history.add({ picked: 10, lost: 0, rejected: { no_headroom: 1, tools: 1 } }, 30 * MINUTE_MS);
  expect(history.lastHour(50 * MINUTE_MS)).toEqual({ picked: 11, lost: 2, rejected: { no_headroom: 4, tools: 1 } });
  expect(history.lastHour(61 * MINUTE_MS)).toEqual({ picked: 10, lost: 0, rejected: { no_headroom: 1, tools: 1 } });
  history.add({ picked: 1, lost: 0, rejected: {} }, 200 * MINUTE_MS);
  expect(history.lastHour(200 * MINUTE_MS)).toEqual({ picked: 1, lost: 0, rejected: {} });
});
