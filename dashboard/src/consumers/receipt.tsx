import { type ReactNode, useState } from "react";
import { useAnswer } from "../api/queries.js";
import { Dialog } from "../components/dialog.js";
import { Loaded } from "../components/loaded.js";

/** Shows what the machine has signed for its answer, as it is: whoever doubts can check it. */
export function ReceiptButton({ id }: { readonly id: string }): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Receipt
      </button>
      {open ? (
        <Dialog title="Receipt" onClose={() => setOpen(false)}>
          <p className="muted">
            What the machine has signed for this answer: tokens and digests, nothing of what was said.
          </p>
          <Receipt id={id} />
        </Dialog>
      ) : null}
    </>
  );
}

function Receipt({ id }: { readonly id: string }): ReactNode {
  const receipt = useAnswer<unknown>(`/v1/receipts/${encodeURIComponent(id)}`);
  return (
    <Loaded query={receipt}>
      {(told) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
        <pre className="raw" tabIndex={0}>
          {JSON.stringify(told, null, 2)}
        </pre>
      )}
    </Loaded>
  );
}
