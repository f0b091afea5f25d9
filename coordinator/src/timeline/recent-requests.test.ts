import { FakeClock } from "@hearth/platform/testing";
import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { unlimited } from "../accounts/principal.js";
import { HearthError } from "../platform/errors.js";
import type { Arrival, Progress } from "../request/request-watch.js";
import { fakeRecord, fakeSent, USAGE } from "../testing/request-fakes.js";
import { RecentRequests } from "./recent-requests.js";

const NOBODY = new HearthError("no_provider", "Nobody.");

function setUp(requests = 100, accountRequests = 100) {
  const clock = new FakeClock();
  const settings = { requests, accountRequests };
  const recent = new RecentRequests({ clock, settings: () => settings });
  const arrive = (id: string, account = "anna", progress: Progress = {}): Arrival => {
    const arrival: Arrival = {
      ...{ id: id as RequestId, progress, arrivedAt: clock.now() },
      principal: unlimited({ account, keyId: `key_${account}`, name: "", scopes: ["inference"] }),
      entrance: { endpoint: "/v1/chat/completions", dialect: "chat_completions" },
      ...{ trace: undefined, clientId: undefined },
    };
    recent.arrived(arrival);
    return arrival;
  };
  const ids = (filter = {}) => recent.list({ limit: 100, ...filter }).map(({ id }) => id);
  return { clock, settings, recent, arrive, ids };
}

describe("what is remembered of requests", () => {
  it("is found while they run, and when they are over", () => {
    const { clock, recent, arrive } = setUp();
    const { record } = fakeRecord();
    const progress: Progress = {};
    arrive("req", "anna", progress);
    expect(recent.find("req")?.facts).toMatchObject({ outcome: "running", model: "", dispatch: undefined });
    progress.record = record;
    clock.advance(20);
    const times = { routeMs: 1, encryptMs: 1, dispatchMs: 1 };
    const sent = fakeSent({ times, attempt: { startedAt: 5, progress: { contentTimes: { firstAt: 12 } } } });
    record.first.add(sent);
    expect(recent.find("req")?.facts).toMatchObject({ outcome: "running", model: "m", totalMs: clock.now() });
    expect(recent.find("req")?.facts.dispatch?.attempts).toMatchObject([{ result: undefined, startedMs: 5 }]);
    recent.settled(record, { type: "success", attempt: sent, usage: USAGE });
    clock.advance(1_000);
    const found = recent.find("req");
    expect(found).toMatchObject({ account: "anna", keyId: "key_anna", dialect: "chat_completions" });
    expect(found?.facts).toMatchObject({ outcome: "success", totalMs: clock.now() - 1_000 });
    expect(found?.facts.dispatch).toMatchObject({ promptTokens: 7, completionTokens: 3 });
  });

  it("comes newest first, page by page, and by account, model and outcome", () => {
    const { recent, arrive, ids } = setUp();
    for (const [id, account] of Object.entries({ a: "anna", b: "ben", c: "anna", d: "anna" })) {
      const arrival = arrive(id, account);
      if (id !== "d") recent.refused(arrival, NOBODY);
    }
    expect(ids()).toEqual(["d", "c", "b", "a"]);
    expect(recent.list({ limit: 2, after: "d" }).map(({ id }) => id)).toEqual(["c", "b"]);
    expect(ids({ account: "anna" })).toEqual(["d", "c", "a"]);
    expect(ids({ account: "anna", after: "c" })).toEqual(["a"]);
    expect(ids({ account: "anna", after: "b" })).toEqual([]);
    expect(ids({ outcome: "refused" })).toEqual(["c", "b", "a"]);
    expect(ids({ model: "other" })).toEqual([]);
    expect(ids({ after: "gone" })).toEqual([]);
    expect(recent.find("b", "anna")).toBeUndefined();
    expect(recent.find("b", "ben")?.facts).toMatchObject({ outcome: "refused", code: "no_provider" });
  });

  it("is no more than is set, of everybody and of an account, whose own oldest goes first", () => {
    const { settings, recent, arrive, ids } = setUp(5, 3);
    arrive("b1", "ben");
    for (const n of [1, 2, 3, 4, 5, 6]) arrive(`a${n}`);
    expect(ids()).toEqual(["a6", "a5", "a4", "b1"]);
    for (const n of [1, 2]) arrive(`c${n}`, "clara");
    expect(ids()).toEqual(["c2", "c1", "a6", "a5", "a4"]);
    expect(ids({ account: "ben" })).toEqual([]);
    settings.requests = 2;
    arrive("c3", "clara");
    expect(ids()).toEqual(["c3", "c2"]);
    settings.requests = 0;
    arrive("c4", "clara");
    expect(recent.find("c4")).toBeUndefined();
  });

  it("is nothing of a request that was answered without being executed", () => {
    const { recent, arrive, ids } = setUp();
    arrive("replayed");
    recent.left("replayed" as RequestId);
    recent.refused(arrive("refused"), NOBODY);
    recent.left("refused" as RequestId);
    expect(ids()).toEqual(["refused"]);
  });

  it("says that one which was given up before it was admitted was cancelled", () => {
    const { recent, arrive } = setUp();
    recent.refused(arrive("gone"), new HearthError("cancelled", "The consumer is gone."));
    expect(recent.find("gone")?.facts).toMatchObject({ outcome: "cancelled", code: "cancelled" });
  });

  it("is forgotten where its account wants that, but for what still runs", () => {
    const { recent, arrive, ids } = setUp();
    recent.refused(arrive("a1"), NOBODY);
    recent.refused(arrive("b1", "ben"), NOBODY);
    arrive("a2");
    recent.refused(arrive("a3"), NOBODY);
    recent.forget("anna");
    expect(ids()).toEqual(["a2", "b1"]);
    expect(ids({ account: "anna" })).toEqual(["a2"]);
  });

  it("is told to who watches, once, when it is over", () => {
    const { recent, arrive } = setUp();
    const told: string[] = [];
    const watching = recent.watch(({ id, facts }) => told.push(`${id} ${facts.outcome}`));
    const arrival = arrive("a");
    recent.refused(arrival, NOBODY);
    recent.refused(arrival, NOBODY);
    watching[Symbol.dispose]();
    recent.refused(arrive("b"), NOBODY);
    expect(told).toEqual(["a refused"]);
  });
});
