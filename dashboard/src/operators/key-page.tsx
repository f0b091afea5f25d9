import type { ReactNode } from "react";
import { KeyList } from "../components/key-list.js";
import { Page } from "../components/page.js";
import { EVERY_SCOPE } from "./scopes.js";

/** The keys of every account. New ones are made on an account's own page. */
export function AllKeysPage(): ReactNode {
  return (
    <Page title="Keys" lead="Of every account. A new one is made on its account's page.">
      <KeyList route="/admin/keys" scopes={EVERY_SCOPE} whose />
    </Page>
  );
}
