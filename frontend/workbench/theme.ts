/** Light or dark: follows the system until the person chooses; the choice is a cookie, so that the server paints it at once. */
const COOKIE_SECONDS = 365 * 24 * 3600;

export type Theme = "light" | "dark";

export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function toggleTheme(): void {
  const theme = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = theme;
  document.cookie = `theme=${theme}; path=/; max-age=${COOKIE_SECONDS}; samesite=lax`;
  // Canvases (charts) have to be drawn again in the other colours.
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function rememberThemeToggle(root: ParentNode): void {
  for (const button of root.querySelectorAll("[data-theme-toggle]")) button.addEventListener("click", toggleTheme);
}
