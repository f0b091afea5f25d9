import {
  Activity,
  Banknote,
  BarChart3,
  Bell,
  Boxes,
  CircleDollarSign,
  Coins,
  Cpu,
  HardDriveUpload,
  KeyRound,
  ListTree,
  MessageSquareText,
  Route,
  ScrollText,
  Server,
  ShieldAlert,
  SlidersHorizontal,
  Users,
} from "lucide-react";
import { OwnKeysPage, OwnRequestPage, OwnRequestsPage } from "./consumers/own-pages.js";
import { PlaygroundPage } from "./consumers/playground-page.js";
import { ServedModelsPage } from "./consumers/served-page.js";
import { UsagePage } from "./consumers/usage-page.js";
import { AccountPage, AccountsPage } from "./operators/account-pages.js";
import { AuditPage } from "./operators/audit-page.js";
import { BreakerPage } from "./operators/breaker-page.js";
import { ConfigPage } from "./operators/config-page.js";
import { ExplainPage } from "./operators/explain-page.js";
import { FleetPage } from "./operators/fleet-page.js";
import { AllKeysPage } from "./operators/key-page.js";
import { ModelsPage } from "./operators/models-page.js";
import { PayoutsPage } from "./operators/money-pages.js";
import { OverviewPage } from "./operators/overview-page.js";
import { ProviderPage } from "./operators/provider-page.js";
import { RequestPage, RequestsPage } from "./operators/request-pages.js";
import { EarningsPage } from "./owners/earnings-page.js";
import { EnrolmentPage } from "./owners/enrolment-page.js";
import { MachinesPage } from "./owners/machines-page.js";
import { NotificationsPage } from "./owners/notifications-page.js";
import type { Section } from "./shell/sections.js";

/** Every page that there is, by whom it is for. */
export const SECTIONS: readonly Section[] = [
  {
    title: "Network",
    scopes: ["admin", "read"],
    pages: [
      { path: "/overview", title: "Overview", icon: Activity, component: OverviewPage },
      { path: "/fleet", title: "Fleet", icon: Server, component: FleetPage },
      { path: "/fleet/:id", title: "Machine", component: ProviderPage },
      { path: "/models", title: "Models", icon: Boxes, component: ModelsPage },
      { path: "/requests", title: "Requests", icon: ListTree, component: RequestsPage },
      { path: "/requests/:id", title: "Request", component: RequestPage },
      { path: "/explain", title: "Explain", icon: Route, component: ExplainPage },
      { path: "/breaker", title: "Breaker and queue", icon: ShieldAlert, component: BreakerPage },
      { path: "/configuration", title: "Configuration", icon: SlidersHorizontal, component: ConfigPage },
    ],
  },
  {
    title: "People and money",
    scopes: ["admin", "read"],
    pages: [
      { path: "/accounts", title: "Accounts", icon: Users, component: AccountsPage },
      { path: "/accounts/:id", title: "Account", component: AccountPage },
      { path: "/keys", title: "Keys", icon: KeyRound, component: AllKeysPage },
      { path: "/payouts", title: "Payouts", icon: Banknote, component: PayoutsPage },
      { path: "/audit", title: "Audit log", icon: ScrollText, component: AuditPage },
    ],
  },
  {
    // The operator's own key asks models as the consumers' key of the configuration.
    title: "Try it",
    scopes: ["admin"],
    without: "inference",
    pages: [
      { path: "/playground", title: "Playground", icon: MessageSquareText, component: PlaygroundPage },
      { path: "/my-requests/:id", title: "Request", component: OwnRequestPage },
    ],
  },
  {
    title: "Your machines",
    scopes: ["provider"],
    pages: [
      { path: "/machines", title: "Machines", icon: Cpu, component: MachinesPage },
      { path: "/earnings", title: "Earnings", icon: Coins, component: EarningsPage },
      { path: "/enrol", title: "Add machines", icon: HardDriveUpload, component: EnrolmentPage },
      { path: "/notifications", title: "Notifications", icon: Bell, component: NotificationsPage },
    ],
  },
  {
    title: "Your requests",
    scopes: ["inference"],
    pages: [
      { path: "/playground", title: "Playground", icon: MessageSquareText, component: PlaygroundPage },
      { path: "/usage", title: "Usage and cost", icon: BarChart3, component: UsagePage },
      { path: "/my-requests", title: "Requests", icon: ListTree, component: OwnRequestsPage },
      { path: "/my-requests/:id", title: "Request", component: OwnRequestPage },
      { path: "/prices", title: "Models and prices", icon: CircleDollarSign, component: ServedModelsPage },
      { path: "/my-keys", title: "Keys", icon: KeyRound, component: OwnKeysPage },
    ],
  },
];
