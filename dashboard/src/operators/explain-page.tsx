import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { useAnswer } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { Explanation, List } from "../api/types.js";
import { FormError } from "../components/confirm.js";
import { CheckField, SelectField, TextField } from "../components/fields.js";
import { Gates } from "../components/gates.js";
import { Card, Page } from "../components/page.js";
import { Terms } from "../components/request-detail.js";
import { Empty, Spinner } from "../components/states.js";
import { wholeText } from "../format/amounts.js";
import { durationText } from "../format/times.js";

interface Question {
  readonly model: string;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly promptTokens: string;
  readonly maxTokens: string;
  readonly account: string;
  readonly route: "" | "self" | "prefer";
  readonly minTrust: "" | "self_attested" | "hardware";
}

const BLANK: Question = {
  model: "",
  tools: false,
  vision: false,
  promptTokens: "100",
  maxTokens: "1024",
  account: "",
  route: "",
  minTrust: "",
};

/** Where a request would go, without making it. */
export function ExplainPage(): ReactNode {
  const explain = useMutation({
    mutationFn: (question: Question) => ask<Explanation>("/admin/explain", { method: "POST", body: bodyOf(question) }),
  });
  return (
    <Page
      title="Explain"
      lead="Where would a request go, and why not elsewhere? By the function that requests are routed by; nothing is sent anywhere."
    >
      <Card>
        <QuestionForm pending={explain.isPending} error={explain.error} onAsk={explain.mutate} />
      </Card>
      {explain.data === undefined ? null : <Answer answer={explain.data} />}
    </Page>
  );
}

function bodyOf({ model, tools, vision, promptTokens, maxTokens, account, route, minTrust }: Question): object {
  return {
    model: model.trim(),
    ...{ tools, vision },
    prompt_tokens: Number(promptTokens) || 0,
    max_tokens: Math.max(1, Number(maxTokens) || 1),
    ...(account.trim() === "" ? {} : { account: account.trim() }),
    ...(route === "" ? {} : { route }),
    ...(minTrust === "" ? {} : { min_trust: minTrust }),
  };
}

interface QuestionFormProps {
  readonly pending: boolean;
  readonly error: unknown;
  readonly onAsk: (question: Question) => void;
}

function QuestionForm({ pending, error, onAsk }: QuestionFormProps): ReactNode {
  const [question, setQuestion] = useState(BLANK);
  const models = useAnswer<List<{ readonly id: string }>>("/admin/models");
  const change = (changes: Partial<Question>): void => setQuestion({ ...question, ...changes });
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk(question);
      }}
    >
      <div className="form-row">
        <TextField
          label="Model"
          value={question.model}
          onChange={(model) => change({ model })}
          required
          list="models"
        />
        <TextField
          label="Prompt tokens"
          type="number"
          value={question.promptTokens}
          onChange={(promptTokens) => change({ promptTokens })}
        />
        <TextField
          label="Tokens to write, at most"
          type="number"
          value={question.maxTokens}
          onChange={(maxTokens) => change({ maxTokens })}
        />
      </div>
      <datalist id="models">
        {(models.data?.data ?? []).map(({ id }) => (
          <option key={id} value={id} />
        ))}
      </datalist>
      <div className="form-row">
        <TextField
          label="Account"
          value={question.account}
          onChange={(account) => change({ account })}
          placeholder="somebody without machines"
        />
        <SelectField
          label="Whose machines"
          value={question.route}
          options={[
            ["", "Anybody's"],
            ["prefer", "Its own first"],
            ["self", "Its own only"],
          ]}
          onChange={(route) => change({ route })}
        />
        <SelectField
          label="Least trust"
          value={question.minTrust}
          options={[
            ["", "None"],
            ["self_attested", "Self attested"],
            ["hardware", "Hardware"],
          ]}
          onChange={(minTrust) => change({ minTrust })}
        />
      </div>
      <div className="actions">
        <CheckField label="Uses tools" checked={question.tools} onChange={(tools) => change({ tools })} />
        <CheckField label="Has images" checked={question.vision} onChange={(vision) => change({ vision })} />
      </div>
      {error === null ? null : <FormError error={error} />}
      <div className="actions">
        <button type="submit" className="button button-main" disabled={pending}>
          {pending ? <Spinner /> : null} Explain
        </button>
      </div>
    </form>
  );
}

/** The best first, then those that may not serve it. */
function Answer({ answer }: { readonly answer: Explanation }): ReactNode {
  const ordered = [...answer.data].sort((a, b) => Number(b.eligible) - Number(a.eligible) || a.total_ms - b.total_ms);
  const eligible = ordered.filter((each) => each.eligible).length;
  if (ordered.length === 0) {
    return (
      <Card>
        <Empty title="No machine is there">Nobody who is connected or expected back has it.</Empty>
      </Card>
    );
  }
  return (
    <Card title={`${wholeText(eligible)} of ${wholeText(ordered.length)} may serve it`}>
      {answer.plan.length <= 1 ? null : <p className="muted">It stands for {answer.plan.join(", then ")}.</p>}
      <ul className="entries">
        {ordered.map((each) => (
          <li key={`${each.provider} ${each.model}`}>
            <div className="bar-label">
              <span>
                {each.rank === null ? null : <span className="rank">{each.rank}</span>}
                <Link href={`/fleet/${encodeURIComponent(each.provider)}`}>
                  {each.name ?? each.provider.slice(0, 12)}
                </Link>{" "}
                <span className="muted">{each.model}</span>
              </span>
              <b>{each.eligible ? durationText(each.total_ms) : "no"}</b>
            </div>
            {each.eligible ? null : <Gates gates={each.gates} />}
            <details>
              <summary className="muted">What its score is made of</summary>
              <Terms terms={Object.entries(each.terms).filter(([, ms]) => ms !== 0)} />
            </details>
          </li>
        ))}
      </ul>
    </Card>
  );
}
