import { Check, Copy as CopyIcon } from "lucide-react";
import { type ReactNode, useState } from "react";

/** A text that is there to be taken elsewhere. Where the browser gives no clipboard it can be marked by hand. */
export function Copy({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      setCopied(false);
    }
  };
  return (
    <div className="copy">
      <output aria-label={label}>{text}</output>
      <button type="button" className="button" onClick={copy}>
        {copied ? <Check aria-hidden="true" /> : <CopyIcon aria-hidden="true" />}
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
