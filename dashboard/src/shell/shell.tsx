import { useQueryClient } from "@tanstack/react-query";
import { Flame, LogOut, Menu, Monitor, Moon, Sun, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { SESSION_PATH } from "../api/queries.js";
import { send } from "../api/request.js";
import type { Session } from "../api/types.js";
import type { Section } from "./sections.js";
import { applyTheme, storedTheme, THEMES, type Theme } from "./theme.js";

interface ShellProps {
  readonly session: Session;
  readonly sections: readonly Section[];
  readonly children: ReactNode;
}

/** What stands around every page: where one is, where one can go, who one is. */
export function Shell({ session, sections, children }: ShellProps): ReactNode {
  const [open, setOpen] = useState(false);
  const [path] = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has gone somewhere needs the list no more
  useEffect(() => setOpen(false), [path]);
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="bar">
        <p className="brand">
          <Flame aria-hidden="true" /> Hearth
        </p>
        <button
          type="button"
          className="icon-button"
          aria-expanded={open}
          aria-controls="side"
          aria-label={open ? "Close the menu" : "Open the menu"}
          onClick={() => setOpen(!open)}
        >
          {open ? <X aria-hidden="true" /> : <Menu aria-hidden="true" />}
        </button>
      </header>
      <div id="side" className={open ? "side open" : "side"}>
        <p className="brand">
          <Flame aria-hidden="true" /> Hearth
        </p>
        <nav aria-label="Pages">
          {sections.map((section) => (
            <Pages key={section.title} section={section} current={path} />
          ))}
        </nav>
        <div className="side-foot">
          <ThemeSwitch />
          <Who session={session} />
        </div>
      </div>
      <main id="content" className="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Pages({ section, current }: { readonly section: Section; readonly current: string }): ReactNode {
  return (
    <div>
      <p className="nav-title">{section.title}</p>
      <ul>
        {section.pages
          .filter(({ icon }) => icon !== undefined)
          .map(({ path, title, icon: Icon }) => {
            const isHere = path === "/" ? current === "/" : current === path || current.startsWith(`${path}/`);
            return (
              <li key={path}>
                <Link href={path} aria-current={isHere ? "page" : undefined}>
                  {Icon === undefined ? null : <Icon aria-hidden="true" />}
                  {title}
                </Link>
              </li>
            );
          })}
      </ul>
    </div>
  );
}

const THEME_ICONS = { system: Monitor, light: Sun, dark: Moon } as const;
const THEME_WORDS = { system: "As the system", light: "Light", dark: "Dark" } as const;

function ThemeSwitch(): ReactNode {
  const [theme, setTheme] = useState<Theme>(storedTheme);
  return (
    <fieldset className="theme">
      <legend className="hidden">Colours</legend>
      {THEMES.map((each) => {
        const Icon = THEME_ICONS[each];
        return (
          <label key={each} title={THEME_WORDS[each]}>
            <input
              className="hidden"
              type="radio"
              name="theme"
              checked={theme === each}
              onChange={() => {
                setTheme(each);
                applyTheme(each);
              }}
            />
            <Icon aria-hidden="true" />
            <span className="hidden">{THEME_WORDS[each]}</span>
          </label>
        );
      })}
    </fieldset>
  );
}

function Who({ session }: { readonly session: Session }): ReactNode {
  const client = useQueryClient();
  const signOut = async (): Promise<void> => {
    // Gone here even where the coordinator cannot be told: its cookie ends by itself.
    await send(SESSION_PATH, { method: "DELETE" }).catch(() => {});
    client.setQueryData([SESSION_PATH], null);
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_PATH });
  };
  return (
    <div className="who">
      <p>
        {session.account}
        <br />
        <small>{session.role}</small>
      </p>
      <button type="button" className="icon-button" aria-label="Sign out" title="Sign out" onClick={signOut}>
        <LogOut aria-hidden="true" />
      </button>
    </div>
  );
}
