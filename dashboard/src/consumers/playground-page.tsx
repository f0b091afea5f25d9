import { Send, Square } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { useAnswer } from "../api/queries.js";
import type { List, Model } from "../api/types.js";
import { FormError } from "../components/confirm.js";
import { Field, SelectField, TextField } from "../components/fields.js";
import { Loaded } from "../components/loaded.js";
import { Card, Facts, Page } from "../components/page.js";
import { Terms } from "../components/request-detail.js";
import { ShortId } from "../components/request-parts.js";
import { Empty } from "../components/states.js";
import { wholeText } from "../format/amounts.js";
import { plain } from "../format/codes.js";
import { durationText } from "../format/times.js";
import { ReceiptButton } from "./receipt.js";
import { type Chat, type Turn, useChat } from "./use-chat.js";

/** Chats with a model as any program would, and shows what the answer says of itself. */
export function PlaygroundPage(): ReactNode {
  const models = useAnswer<List<Model>>("/v1/models");
  const conversation = useChat();
  return (
    <Page
      title="Playground"
      lead="A real request to the API, with what its answer tells of itself. It costs what it says; what is written stays in this page."
      actions={
        conversation.turns.length === 0 ? null : (
          <button type="button" className="button" disabled={conversation.running} onClick={conversation.clear}>
            Start over
          </button>
        )
      }
    >
      <Loaded query={models}>
        {({ data }) =>
          data.length === 0 ? (
            <Card>
              <Empty title="No model is served now">As soon as a machine is there, it can be asked here.</Empty>
            </Card>
          ) : (
            <Conversation models={data} chat={conversation} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Conversation({ models, chat }: { readonly models: readonly Model[]; readonly chat: Chat }): ReactNode {
  const [model, setModel] = useState(models[0]?.id ?? "");
  const [system, setSystem] = useState("");
  const [most, setMost] = useState("");
  const maxTokens = Number(most) > 0 ? Math.floor(Number(most)) : undefined;
  return (
    <div className="playground">
      <section className="talk" aria-label="Conversation">
        {chat.turns.length === 0 ? (
          <Card>
            <Empty title="Ask something">The answer streams in here.</Empty>
          </Card>
        ) : (
          chat.turns.map((turn) => <TurnCard key={turn.id} turn={turn} />)
        )}
        <Prompt
          running={chat.running}
          onStop={chat.stop}
          onAsk={(text) => void chat.ask(text, { model, system, maxTokens })}
        />
      </section>
      <Card title="Request" className="wishes">
        <div className="form">
          <SelectField
            label="Model"
            value={model}
            options={models.map(({ id }) => [id, id] as const)}
            onChange={setModel}
          />
          <details>
            <summary>More</summary>
            <div className="form">
              <Field label="System message">
                {(id) => <textarea id={id} value={system} onChange={(event) => setSystem(event.target.value)} />}
              </Field>
              <TextField
                label="Tokens to write, at most"
                value={most}
                onChange={setMost}
                inputMode="numeric"
                placeholder="no limit"
              />
            </div>
          </details>
        </div>
      </Card>
    </div>
  );
}

interface PromptProps {
  readonly running: boolean;
  readonly onAsk: (text: string) => void;
  readonly onStop: () => void;
}

function Prompt({ running, onAsk, onStop }: PromptProps): ReactNode {
  const [text, setText] = useState("");
  const ask = (): void => {
    if (running || text.trim() === "") return;
    onAsk(text);
    setText("");
  };
  return (
    <form
      className="prompt"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <textarea
        aria-label="Message"
        placeholder="Your message; Enter sends it"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          ask();
        }}
      />
      {running ? (
        <button type="button" className="button" onClick={onStop}>
          <Square aria-hidden="true" /> Stop
        </button>
      ) : (
        <button type="submit" className="button button-main">
          <Send aria-hidden="true" /> Send
        </button>
      )}
    </form>
  );
}

function TurnCard({ turn }: { readonly turn: Turn }): ReactNode {
  return (
    <article className="turn">
      <p className="asked">{turn.asked}</p>
      <div className="card">
        {turn.reasoning === "" ? null : (
          <details className="reasoning">
            <summary>Reasoning</summary>
            <p>{turn.reasoning}</p>
          </details>
        )}
        <p className="answer" aria-live="polite" aria-busy={turn.state === "waiting" || turn.state === "streaming"}>
          {turn.text || (turn.state === "waiting" ? <span className="muted">Waiting for the first word …</span> : null)}
        </p>
        {turn.error === undefined ? null : <FormError error={turn.error} />}
        {turn.state === "stopped" ? <p className="muted">You stopped it.</p> : null}
        {turn.source === undefined ? null : <Source turn={turn} />}
      </div>
    </article>
  );
}

function Source({ turn }: { readonly turn: Turn }): ReactNode {
  const { source, usage, finish } = turn;
  if (source === undefined) return null;
  const cost =
    usage?.cost === undefined ? undefined : `$${usage.cost.toLocaleString("en", { maximumFractionDigits: 6 })}`;
  const timing = Object.entries(source.timing).map(([name, us]) => [name.replace(/_us$/, ""), us / 1_000] as const);
  return (
    <details className="source">
      <summary>
        <span className="muted">
          {[
            turn.firstMs === undefined ? undefined : `first word ${durationText(turn.firstMs)}`,
            usage === undefined ? undefined : `${wholeText(usage.completion_tokens)} tokens`,
            turn.totalMs === undefined ? undefined : `${durationText(turn.totalMs)} in all`,
            cost,
          ]
            .filter((part) => part !== undefined)
            .join(" · ") || "Where it comes from"}
        </span>
      </summary>
      <Facts
        facts={[
          ["Machine", <ShortId key="m" id={source.provider} />],
          ["Build", source.model ?? "–"],
          ["Chip", source.chip ?? "–"],
          ["Trust", source.trust === undefined ? "–" : plain(source.trust)],
          ["Attempts", source.attempts ?? "–"],
          ["Ended by", finish ?? "–"],
          ["Tokens", `${wholeText(usage?.prompt_tokens)} read, ${wholeText(usage?.completion_tokens)} written`],
          ["Cost", cost ?? "–"],
        ]}
      />
      <Terms terms={timing.filter(([, ms]) => ms > 0)} />
      <div className="actions">
        {source.requestId === undefined ? null : (
          <Link className="button" href={`/my-requests/${encodeURIComponent(source.requestId)}`}>
            Where it went
          </Link>
        )}
        {source.receiptId === undefined ? null : <ReceiptButton id={source.receiptId} />}
      </div>
    </details>
  );
}
