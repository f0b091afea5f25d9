import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.js";
import { applyTheme, storedTheme } from "./shell/theme.js";

applyTheme(storedTheme());
const page = document.getElementById("page");
if (page === null) throw new Error("The document has no place for the page.");
createRoot(page).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
