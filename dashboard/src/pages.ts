import { Activity, ListTree, Server, ShieldAlert } from "lucide-react";
import { BreakerPage } from "./operators/breaker-page.js";
import { FleetPage } from "./operators/fleet-page.js";
import { OverviewPage } from "./operators/overview-page.js";
import { RequestPage, RequestsPage } from "./operators/request-pages.js";
import type { Section } from "./shell/sections.js";

/** Every page that there is, by whom it is for. */
export const SECTIONS: readonly Section[] = [
  {
    title: "Network",
    scopes: ["admin", "read"],
    pages: [
      { path: "/overview", title: "Overview", icon: Activity, component: OverviewPage },
      { path: "/fleet", title: "Fleet", icon: Server, component: FleetPage },
      { path: "/requests", title: "Requests", icon: ListTree, component: RequestsPage },
      { path: "/requests/:id", title: "Request", component: RequestPage },
      { path: "/breaker", title: "Breaker and queue", icon: ShieldAlert, component: BreakerPage },
    ],
  },
];
