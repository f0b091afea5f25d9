import { expect, it } from "vitest";
import { wordsOf } from "./words.js";

const MACHINE = { machine: "prv_1", name: "attic", account: "anna", minutes: 1 };
const KEY = { key: "key_1", name: "bot", account: "anna", spent_micro_usd: 84_000, budget_micro_usd: 100_000 };
const PAYOUT = { payout: "po_1", account: "anna", amount_micro_usd: 12_500_000 };

it.each([
  [
    "model.outage",
    { model: "m", refused: 2, minutes: 5 },
    "Model m is out: nobody has been able to serve it for 5 minutes, and 2 requests had to be refused.",
  ],
  ["model.recovered", { model: "m", minutes: 7 }, "Model m is served again, after 7 minutes."],
  ["machine.offline", MACHINE, "Machine attic (prv_1) of anna is offline, for 1 minute now."],
  ["machine.back", { ...MACHINE, name: undefined }, "Machine prv_1 of anna is back, after 1 minute."],
  [
    "ledger.audit_failed",
    { mismatches: 2 },
    "The ledger does not add up in 2 places. GET /admin/ledger/audit lists them.",
  ],
  ["budget.low", { ...KEY, percent: 84 }, "API key bot (key_1) of anna has spent $0.08 of $0.10 (84 %) of its budget."],
  ["payout.paid", PAYOUT, "Payout po_1 of $12.50 to anna is paid."],
  ["what.comes", {}, "what.comes."],
])("tells %s in words", (kind, data, words) => {
  expect(wordsOf(kind, data)).toBe(`Hearth: ${words}`);
});

it("takes the meaning out of what strangers have named", () => {
  const words = wordsOf("model.recovered", { model: "<!channel> <https://evil.example|here> @all &lt;", minutes: 1 });
  expect(words).not.toMatch(/[<>]|@all|&lt;!?&lt;/);
  expect(words).toContain("&amp;lt;");
});
