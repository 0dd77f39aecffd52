/** Enhancements of a piece of page: exact times, copy buttons, confirmations, toasts, charts, tables. Safe to call again after a swap. */
import { exactTime, relative } from "../workbench/words";
import { confirmed } from "./confirm";
import { stackTables } from "./stack";

const TOAST_SECONDS = 8;

export function enhance(root: ParentNode): void {
  showRelativeTimes(root);
  addCopying(root);
  askBeforeSubmitting(root);
  fadeToasts(root);
  drawCharts(root);
  stackTables(root);
}

/** Servers send exact UTC; people read "3 min ago", with the exact time in their own zone on hover. */
function showRelativeTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const time = new Date(element.dateTime);
    if (Number.isNaN(time.getTime())) continue;
    element.title = exactTime(time);
    element.textContent = relative(time, new Date());
  }
}

setInterval(() => showRelativeTimes(document), 30_000);

function addCopying(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    const words = button.textContent;
    button.addEventListener("click", async () => {
      button.textContent = (await copied(button.dataset["copy"] ?? "")) ? "Copied" : "Select it and copy by hand";
      setTimeout(() => { button.textContent = words; }, 2000);
    });
  }
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard on plain http except localhost.
    return false;
  }
}

function askBeforeSubmitting(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-confirm]")) {
    form.addEventListener("submit", async (event) => {
      if (form.dataset["confirmed"] !== undefined) return;
      event.preventDefault();
      const submitter = event.submitter;
      if (!(await confirmed(form.dataset["confirm"] ?? "", submitter))) return;
      form.dataset["confirmed"] = "";
      form.requestSubmit(submitter instanceof HTMLButtonElement ? submitter : null);
    });
  }
}

function fadeToasts(root: ParentNode): void {
  for (const toast of root.querySelectorAll<HTMLElement>("[data-toast]")) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button-quiet button-small";
    close.textContent = "Close";
    close.addEventListener("click", () => toast.remove());
    toast.append(close);
    // What went wrong stays until it is read.
    if (!toast.classList.contains("toast-bad")) setTimeout(() => toast.remove(), TOAST_SECONDS * 1000);
  }
}

async function drawCharts(root: ParentNode): Promise<void> {
  const plots = [...root.querySelectorAll<HTMLElement>("[data-chart]:not([data-drawn])")];
  if (plots.length === 0) return;
  const { drawChart } = await import("./chart");
  for (const plot of plots) drawChart(plot);
}
