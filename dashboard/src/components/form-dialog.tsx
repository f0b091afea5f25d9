import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { FormError } from "./confirm.js";
import { Dialog } from "./dialog.js";
import { Spinner } from "./states.js";

interface FormDialogProps {
  readonly title: string;
  /** On the button that sends it. */
  readonly action: ReactNode;
  /** What sending does; the dialog shows that it runs, and why it was refused. */
  readonly sending: Pick<UseMutationResult<unknown, unknown, void>, "mutate" | "isPending" | "error">;
  /** What was entered cannot be sent yet. */
  readonly isIncomplete?: boolean;
  readonly onClose: () => void;
  /** The fields. */
  readonly children: ReactNode;
}

/** A dialog with a form, which is sent once at a time, or left. */
export function FormDialog(props: FormDialogProps): ReactNode {
  const { title, action, sending, isIncomplete = false, onClose, children } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isIncomplete && !sending.isPending) sending.mutate();
        }}
      >
        {children}
        {sending.error === null ? null : <FormError error={sending.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-main" disabled={sending.isPending || isIncomplete}>
            {sending.isPending ? <Spinner /> : null} {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
