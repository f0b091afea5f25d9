import { Check, CircleSlash } from "lucide-react";
import type { ReactNode } from "react";
import type { GateWords } from "../api/types.js";
import { gateText } from "../format/codes.js";

/** What stops a machine from serving, each with what would change that. */
export function Gates({ gates }: { readonly gates: readonly GateWords[] }): ReactNode {
  if (gates.length === 0) {
    return (
      <p className="gate gate-open">
        <Check aria-hidden="true" /> Nothing stops it.
      </p>
    );
  }
  return gates.map(({ gate, words, remedy }) => (
    <p key={gate} className="gate">
      <CircleSlash aria-hidden="true" />
      <span>
        It {words ?? gateText(gate)}.{remedy === undefined ? null : <span className="muted"> {capital(remedy)}</span>}
      </span>
    </p>
  ));
}

const capital = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
