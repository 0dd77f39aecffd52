/** Tables on a telephone: each value gets the word of its column, so that a row can be read as a block (components.css does it). */

/** Marks the tables under `root` whose rows stand alone; a table that compares columns keeps its shape. */
export function stackTables(root: ParentNode): void {
  for (const table of root.querySelectorAll<HTMLTableElement>(".table")) {
    const head = [...table.querySelectorAll("thead th")];
    if (head.length && !table.querySelector("tbody th, caption")) stack(table, head.map(wordOf));
  }
}

function stack(table: HTMLTableElement, words: readonly string[]): void {
  // Laid out as blocks, a table is none any more to a screen reader, unless it says so.
  table.setAttribute("role", "table");
  for (const part of table.querySelectorAll("thead, tbody, tfoot")) part.setAttribute("role", "rowgroup");
  for (const row of table.querySelectorAll("tr")) {
    row.setAttribute("role", "row");
    let column = 0;
    for (const cell of row.querySelectorAll<HTMLTableCellElement>("th, td")) {
      const heads = cell.tagName === "TH";
      cell.setAttribute("role", heads ? "columnheader" : "cell");
      // The first value names the row, and a button says itself what it does.
      if (!heads && column > 0 && words[column] && !cell.querySelector("button, .button")) cell.dataset["word"] = words[column];
      if (cell.textContent?.trim() === "" && !cell.querySelector("input, progress, img")) cell.dataset["empty"] = "";
      column += Number(cell.getAttribute("colspan") ?? 1);
    }
  }
  table.classList.add("is-stacked");
}

/** What the heading says, with its unit as it is seen there, without the arrow of the order and what only screen readers hear. */
function wordOf(cell: Element): string {
  const copy = cell.cloneNode(true) as Element;
  for (const hidden of copy.querySelectorAll("[aria-hidden], .visually-hidden")) hidden.remove();
  for (const unit of copy.querySelectorAll(".unit")) unit.textContent = `(${unit.textContent})`;
  return copy.textContent?.replace(/\s+/g, " ").trim() ?? "";
}
