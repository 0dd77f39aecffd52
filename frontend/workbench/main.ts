/** Opens the assignment that the page names, in the workbench. */
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/components.css";
import "../styles/workbench.css";
import { h, render } from "preact";
import { LabelerApi } from "./api";
import { Bench } from "./bench";
import { Shell } from "./shell";

const root = document.getElementById("workbench");
if (root) {
  const { assignment, csrf, api } = root.dataset;
  const host: { current: HTMLDivElement | null } = { current: null };
  const bench = new Bench(new LabelerApi(api ?? "/labeler", csrf ?? ""), () => {
    if (!host.current) throw new Error("the workbench is not on the page");
    return host.current;
  });
  render(h(Shell, { bench, host }), root);
  void bench.open(assignment ?? "");
}
