import { signInLinkSchema } from "../admin/sign-in-links.js";
import { readAnswer } from "./admin-api.js";
import type { AddCommand } from "./context.js";
import { type RemoteOptions, remote, remoteCommand } from "./remote.js";
import { time } from "./table.js";

/** `admin sign-in-link`: opens the web page without the operator's key being entered in a browser. */
export const addSignInLink: AddCommand = (admin, context) => {
  remoteCommand(admin, "sign-in-link", "make a link that signs you in to the web page as the operator, once").action(
    async (options: RemoteOptions) => {
      const { api, show, say } = remote(context, options);
      const answer = await api.ask("POST", "/sign-in-links");
      const { path, expires_at } = readAnswer(signInLinkSchema, answer);
      show(answer, () => api.base + path);
      say(`It is good once, until ${time(expires_at)}.`);
    },
  );
};
