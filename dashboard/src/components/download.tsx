import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import type { ReactNode } from "react";
import { send } from "../api/request.js";
import { FormError } from "./confirm.js";
import { Spinner } from "./states.js";

interface DownloadProps {
  readonly label: string;
  readonly path: string;
  /** What the browser calls it. */
  readonly file: string;
}

/** Saves what a route answers as a file. A mere link would not do: the session counts only with the page's own header. */
export function DownloadButton({ label, path, file }: DownloadProps): ReactNode {
  const download = useMutation({
    mutationFn: async () => {
      const address = URL.createObjectURL(await (await send(path)).blob());
      const link = Object.assign(document.createElement("a"), { href: address, download: file });
      link.click();
      URL.revokeObjectURL(address);
    },
  });
  return (
    <>
      <button type="button" className="button" disabled={download.isPending} onClick={() => download.mutate()}>
        {download.isPending ? <Spinner /> : <Download aria-hidden="true" />} {label}
      </button>
      {download.error === null ? null : <FormError error={download.error} />}
    </>
  );
}
