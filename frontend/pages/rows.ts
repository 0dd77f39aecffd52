/** Tables by keyboard and mouse: j and k walk the rows, enter or a click opens the row's link. */

export function markCurrentRows(root: Document): void {
  root.addEventListener("click", (event) => {
    const target = event.target as Element;
    const row = target.closest<HTMLTableRowElement>("tr[data-href]");
    if (!row || target.closest("a, button, input, select, label, form") || getSelection()?.toString()) return;
    open(row, event.metaKey || event.ctrlKey);
  });
  root.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || (event.target as Element).closest("input, select, textarea, dialog")) return;
    if (event.key === "j" || event.key === "k") move(root, event.key === "j" ? 1 : -1);
    if (event.key === "Enter" && !(event.target as Element).closest("a, button, summary")) {
      const row = current(root);
      if (row) open(row, false);
    }
  });
}

function rowsOf(root: ParentNode): HTMLTableRowElement[] {
  return [...root.querySelectorAll<HTMLTableRowElement>("tr[data-href]")];
}

function current(root: ParentNode): HTMLTableRowElement | null {
  return root.querySelector<HTMLTableRowElement>("tr.is-current[data-href]");
}

function move(root: ParentNode, step: number): void {
  const rows = rowsOf(root);
  const here = current(root);
  const next = here ? rows[rows.indexOf(here) + step] : rows[0];
  if (!next) return;
  here?.classList.remove("is-current");
  next.classList.add("is-current");
  next.scrollIntoView({ block: "nearest" });
  // Focus follows, so that a screen reader says the row's name.
  next.querySelector<HTMLAnchorElement>("a")?.focus({ preventScroll: true });
}

function open(row: HTMLTableRowElement, newTab: boolean): void {
  const href = row.dataset["href"];
  if (!href) return;
  if (newTab) window.open(href, "_blank", "noopener");
  else location.assign(href);
}
