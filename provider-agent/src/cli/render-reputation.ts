import { REPUTATION_REASONS, type Reputation, type ReputationReason } from "@hearth/protocol";

/** What each reason says to the machine's owner, here and on the page. */
export const REASON_WORDS: Readonly<Record<ReputationReason, string>> = {
  false_receipt: "it signed what is not true",
  false_usage: "it counted more tokens than can be",
  failed_after_content: "an answer broke off",
  false_capability: "it refused what it says it can do, and another machine did it",
  failed_before_content: "it failed at a request that another machine then answered",
  late: "it took longer than its deadline",
  connection_lost: "its connection broke off",
  lost_race: "it took longer than expected, and another machine was quicker",
};

/** One line on how the machine stands, and one for each reason, the one that counts most first. */
export function reputationRows(reputation: Reputation | undefined): readonly (readonly [string, string])[] {
  if (reputation === undefined) return [];
  const { score, reasons } = reputation;
  const marks = REPUTATION_REASONS.flatMap((reason) => {
    const mark = reasons[reason];
    return mark === undefined ? [] : [{ reason, ...mark }];
  });
  marks.sort((a, b) => b.ms - a.ms);
  const lines = marks.map(({ reason, count, ms }) => `${count} × ${REASON_WORDS[reason]} (counts ${seconds(ms)} s)`);
  const all = marks.length === 0 ? `${score} of 100, nothing is held against it` : `${score} of 100`;
  return [["Reputation", all], ...lines.map((line) => ["", line] as const)];
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
