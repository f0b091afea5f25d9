import { QueryClientProvider } from "@tanstack/react-query";
import { Component, type ReactNode, Suspense, useMemo, useState } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { createQueryClient, useSession } from "./api/queries.js";
import type { Session } from "./api/types.js";
import { Page } from "./components/page.js";
import { Empty, Loading, Problem } from "./components/states.js";
import { SECTIONS } from "./pages.js";
import { type Section, sectionsFor } from "./shell/sections.js";
import { Shell } from "./shell/shell.js";
import { SignIn } from "./shell/sign-in.js";

/** Where the coordinator serves the page. */
const BASE = "/dashboard";

export function App(): ReactNode {
  const [client] = useState(createQueryClient);
  return (
    <QueryClientProvider client={client}>
      <Router base={BASE}>
        <Gate />
      </Router>
    </QueryClientProvider>
  );
}

function Gate(): ReactNode {
  const session = useSession();
  if (session.data === null) return <SignIn />;
  if (session.data !== undefined) return <SignedIn session={session.data} />;
  return (
    <main className="sign-in">
      {session.error === null ? (
        <Loading label="Looking who is signed in" />
      ) : (
        <Problem error={session.error} onRetry={() => void session.refetch()} />
      )}
    </main>
  );
}

function SignedIn({ session }: { readonly session: Session }): ReactNode {
  const sections = useMemo(() => sectionsFor(SECTIONS, session), [session]);
  return (
    <Shell session={session} sections={sections}>
      <Pages sections={sections} />
    </Shell>
  );
}

function Pages({ sections }: { readonly sections: readonly Section[] }): ReactNode {
  const pages = sections.flatMap((section) => section.pages);
  const first = pages[0];
  return (
    <Suspense fallback={<Loading lines={6} />}>
      <Switch>
        {pages.map(({ path, component: Shown }) => (
          <Route key={path} path={path}>
            <Fence key={path}>
              <Shown />
            </Fence>
          </Route>
        ))}
        {first === undefined ? null : (
          <Route path="/">
            <Redirect to={first.path} replace />
          </Route>
        )}
        <Route>
          <Page title="Not here">
            <Empty
              title={first === undefined ? "Your key is for nothing that this page shows" : "There is no such page"}
            />
          </Page>
        </Route>
      </Switch>
    </Suspense>
  );
}

/** A page that fails takes the others with it no further than this. */
class Fence extends Component<{ readonly children: ReactNode }, { readonly error?: unknown }> {
  override state: { readonly error?: unknown } = {};

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return <Problem error={this.state.error} onRetry={() => this.setState({ error: undefined })} />;
  }
}
