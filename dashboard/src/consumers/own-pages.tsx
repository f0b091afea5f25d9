import type { ReactNode } from "react";
import { useParams } from "wouter";
import { useSession } from "../api/queries.js";
import { KeyList } from "../components/key-list.js";
import { Page } from "../components/page.js";
import { RequestDetailPage } from "../components/request-detail.js";
import { RequestList } from "../components/request-list.js";

const KEYS = "/v1/me/keys";
const REQUESTS = "/v1/me/requests";

/** The keys of one's own account. */
export function OwnKeysPage(): ReactNode {
  const session = useSession();
  return (
    <Page title="Your keys" lead="Make one for each program: each has its own limits, and can be ended by itself.">
      <KeyList route={KEYS} newRoute={KEYS} scopes={session.data?.scopes ?? []} whose={false} />
    </Page>
  );
}

export function OwnRequestsPage(): ReactNode {
  return (
    <Page title="Your requests" lead="Where each went, and why. What was asked and answered is kept nowhere.">
      <RequestList route={REQUESTS} base="/my-requests" whose={false} />
    </Page>
  );
}

export function OwnRequestPage(): ReactNode {
  const { id = "" } = useParams();
  return <RequestDetailPage route={REQUESTS} id={id} />;
}
