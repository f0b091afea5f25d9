import type { LucideIcon } from "lucide-react";
import type { ComponentType } from "react";
import type { Session } from "../api/types.js";

/** A page and where it is; without an icon it is reached from another page only. */
export interface PageEntry {
  readonly path: string;
  readonly title: string;
  readonly icon?: LucideIcon;
  readonly component: ComponentType;
}

export interface Section {
  readonly title: string;
  readonly pages: readonly PageEntry[];
  /** A key with one of these sees it. */
  readonly scopes: readonly string[];
  /** … unless it has this one as well, by which it sees more. */
  readonly without?: string;
}

/** The sections that a session's key is for. */
export const sectionsFor = (sections: readonly Section[], { scopes }: Session): readonly Section[] =>
  sections.filter(
    (section) =>
      section.scopes.some((scope) => scopes.includes(scope)) &&
      (section.without === undefined || !scopes.includes(section.without)),
  );
