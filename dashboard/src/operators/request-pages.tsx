import type { ReactNode } from "react";
import { useParams } from "wouter";
import { Page } from "../components/page.js";
import { RequestDetailPage } from "../components/request-detail.js";
import { RequestList } from "../components/request-list.js";

const ROUTE = "/admin/requests";

export function RequestsPage(): ReactNode {
  return (
    <Page title="Requests" lead="Where each went, and why. What was asked and answered is kept nowhere.">
      <RequestList route={ROUTE} base="/requests" whose />
    </Page>
  );
}

export function RequestPage(): ReactNode {
  const { id = "" } = useParams();
  return <RequestDetailPage route={ROUTE} id={id} />;
}
