import { expect, it } from "vitest";
import { signsOfSlots } from "./llama-slots.js";

// As llama-server b11669 answers, parameters left out; the first slot is as it left its last request.
const IDLE = {
  id: 0,
  n_ctx: 2_048,
  speculative: false,
  is_processing: false,
  id_task: 1,
  n_prompt_tokens: 11,
  n_prompt_tokens_processed: 0,
  n_prompt_tokens_cache: 0,
  next_token: [{ has_next_token: false, has_new_line: false, n_remain: -1, n_decoded: 0 }],
};
const BUSY = {
  ...IDLE,
  id: 1,
  is_processing: true,
  id_task: 6,
  n_prompt_tokens: 1_561,
  n_prompt_tokens_processed: 1_509,
  next_token: [{ has_next_token: true, has_new_line: false, n_remain: 147, n_decoded: 53 }],
};
const FRESH = { id: 2, n_ctx: 2_048, speculative: false, is_processing: false };

it("reads what each busy slot has read and written, and whether it is the only one", () => {
  const of = { type: "only_request", hasRoom: true };
  expect(signsOfSlots([IDLE, BUSY, FRESH])).toEqual([
    { key: " 1 6 read", sign: "prefilling", counter: 1_509, of },
    { key: " 1 6 decoded", sign: "generating", counter: 53, of },
  ]);
  expect(signsOfSlots([BUSY], "m").map((sign) => sign.of)).toEqual([
    { type: "only_request", hasRoom: false, model: "m" },
    { type: "only_request", hasRoom: false, model: "m" },
  ]);
  const two = signsOfSlots([{ ...BUSY, id: 0, id_task: 7 }, BUSY, FRESH]);
  expect(two.map(({ of: { type } }) => type)).toEqual(["server", "server", "server", "server"]);
  expect(new Set(two.map(({ key }) => key)).size).toBe(4);
});

it("reads the forms of older versions", () => {
  const of2025 = { id: 0, id_task: 3, is_processing: true, next_token: { has_next_token: true, n_decoded: 9 } };
  expect(signsOfSlots([of2025])).toMatchObject([{ sign: "generating", counter: 9 }]);
  const older = { id: 0, id_task: 3, is_processing: true, n_past: 512, n_decoded: 0 };
  expect(signsOfSlots([older]).map(({ sign, counter }) => [sign, counter])).toEqual([
    ["prefilling", 512],
    ["generating", 0],
  ]);
  expect(signsOfSlots([{ ...older, n_past: 600, n_decoded: 80 }]).map(({ sign }) => sign)).toEqual(["generating"]);
});

it("takes no slot that only says that it is busy, and nothing that is no list of slots", () => {
  expect(signsOfSlots([{ id: 0, is_processing: true }, IDLE, FRESH])).toEqual([]);
  for (const other of [undefined, {}, "x", [{ id: "0" }], { error: { code: 501 } }]) {
    expect(signsOfSlots(other)).toEqual([]);
  }
});
