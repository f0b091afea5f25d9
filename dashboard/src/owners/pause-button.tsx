import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useRefresh } from "../api/queries.js";
import { ask } from "../api/request.js";
import type { MachinePause, Provider } from "../api/types.js";
import { FormError } from "../components/confirm.js";
import { SelectField, TextField } from "../components/fields.js";
import { FormDialog } from "../components/form-dialog.js";
import { Spinner } from "../components/states.js";
import { timeText } from "../format/times.js";

const HOUR_SECONDS = 3_600;
const LASTS = [
  ["", "Until I resume it"],
  ["1", "For an hour"],
  ["8", "For eight hours"],
  ["24", "For a day"],
  ["168", "For a week"],
] as const;
type Lasts = (typeof LASTS)[number][0];

interface PauseProps {
  readonly provider: Provider;
  readonly paused: MachinePause | null;
}

const routeOf = ({ id }: Provider): string => `/v1/me/machines/${encodeURIComponent(id)}`;

/** Gives a machine nothing new, or lets it serve again, without going there. */
export function PauseButton({ provider, paused }: PauseProps): ReactNode {
  const [isAsking, setAsking] = useState(false);
  const refresh = useRefresh();
  const resume = useMutation({
    mutationFn: () => ask(`${routeOf(provider)}/resume`, { method: "POST" }),
    onSuccess: () => refresh("/v1/me/machines", "/v1/me/providers"),
  });
  return (
    <div className="form">
      {resume.error === null ? null : <FormError error={resume.error} />}
      <div className="actions">
        {paused === null ? (
          <button type="button" className="button" onClick={() => setAsking(true)}>
            Pause
          </button>
        ) : (
          <button
            type="button"
            className="button button-main"
            disabled={resume.isPending}
            onClick={() => resume.mutate()}
          >
            {resume.isPending ? <Spinner /> : null} Resume
          </button>
        )}
        {paused === null ? null : (
          <span className="muted">
            Paused {paused.until === null ? "until you resume it" : `until ${timeText(paused.until)}`}
            {paused.reason === null ? "" : `: ${paused.reason}`}
          </span>
        )}
      </div>
      {isAsking ? <PauseDialog provider={provider} onClose={() => setAsking(false)} /> : null}
    </div>
  );
}

function PauseDialog({ provider, onClose }: { readonly provider: Provider; readonly onClose: () => void }): ReactNode {
  const [lasts, setLasts] = useState<Lasts>("");
  const [reason, setReason] = useState("");
  const refresh = useRefresh();
  const pause = useMutation({
    mutationFn: () => {
      const until = Math.floor(Date.now() / 1_000) + Number(lasts) * HOUR_SECONDS;
      const body = { ...(lasts === "" ? {} : { until }), ...(reason.trim() === "" ? {} : { reason: reason.trim() }) };
      return ask(`${routeOf(provider)}/pause`, { method: "POST", body });
    },
    onSuccess: () => {
      refresh("/v1/me/machines", "/v1/me/providers");
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Pause ${provider.name ?? provider.id.slice(0, 12)}`}
      action="Pause it"
      sending={pause}
      isIncomplete={reason.length > 256}
      onClose={onClose}
    >
      <p>It finishes what runs and gets nothing new, also after a restart.</p>
      <SelectField label="How long" value={lasts} options={LASTS} onChange={setLasts} />
      <TextField
        label="Why"
        value={reason}
        onChange={setReason}
        placeholder="video call"
        hint="For yourself. The machine shows it, too."
      />
    </FormDialog>
  );
}
