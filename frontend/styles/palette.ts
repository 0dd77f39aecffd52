/** The twelve class colours of tokens.css as plain values, for canvases and WebGL, which cannot read CSS variables cheaply. */
export const CLASS_COLORS = [
  "#4e9bff", "#ffb000", "#00b893", "#ff6f3c", "#b78cff", "#f0e442",
  "#ff70b8", "#56d0f5", "#9fce4c", "#d8a47f", "#c44e6d", "#a9b4c2",
] as const;

/** The selected object is this colour in every view (`--selected`). */
export const SELECTED_COLOR = "#29d8f5";

export function classColor(index: number): string {
  return CLASS_COLORS[((index % 12) + 12) % 12] as string;
}
