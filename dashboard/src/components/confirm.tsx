import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiError } from "../api/errors.js";
import { Dialog } from "./dialog.js";
import { Spinner } from "./states.js";

interface ConfirmButtonProps {
  readonly label: ReactNode;
  /** What will happen, in a sentence. */
  readonly consequence: string;
  readonly title: string;
  readonly danger?: boolean;
  readonly act: () => Promise<unknown>;
  readonly onDone?: () => void;
}

/** A button that says what it will do before it does it. */
export function ConfirmButton({
  label,
  title,
  consequence,
  danger = false,
  act,
  onDone,
}: ConfirmButtonProps): ReactNode {
  const [asking, setAsking] = useState(false);
  const action = useMutation({
    mutationFn: act,
    onSuccess: () => {
      setAsking(false);
      onDone?.();
    },
  });
  const close = (): void => {
    action.reset();
    setAsking(false);
  };
  return (
    <>
      <button type="button" className={danger ? "button button-danger" : "button"} onClick={() => setAsking(true)}>
        {label}
      </button>
      {asking ? (
        <Dialog title={title} onClose={close}>
          <p>{consequence}</p>
          {action.error === null ? null : <FormError error={action.error} />}
          <div className="dialog-actions">
            <button type="button" className="button" onClick={close}>
              Cancel
            </button>
            <button
              type="button"
              className={danger ? "button button-danger" : "button button-main"}
              disabled={action.isPending}
              onClick={() => action.mutate()}
            >
              {action.isPending ? <Spinner /> : null}
              {label}
            </button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

/** Why a form was not taken, beside its buttons. */
export function FormError({ error }: { readonly error: unknown }): ReactNode {
  const { kind, message } = ApiError.from(error);
  return (
    <p className="form-error" role="alert">
      {kind === "missing" ? "This coordinator does not offer this, or what you look for is gone." : message}
    </p>
  );
}
