// Light, dark, or as the system has it: a button that goes round, remembered for this browser.
import { byId, setText } from "./svg.ts";

const KEY = "stopline-theme";
const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const WORDS: Readonly<Record<Theme, string>> = {
  auto: "Auto",
  light: "Light",
  dark: "Dark",
};

function stored(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? "auto";
}

function apply(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = byId("theme");
  setText(byId("theme-word"), WORDS[theme]);
  button.setAttribute("aria-label", `Colours: ${WORDS[theme].toLowerCase()}`);
}

/** Puts the kept theme into effect and lets the button change it. */
export function startTheme(): void {
  let theme = stored();
  apply(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
    localStorage.setItem(KEY, theme);
    apply(theme);
  });
}
