/** What every server-rendered page loads: the styles, and small enhancements that a page also works without. */
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/layout.css";
import "../styles/components.css";
import { rememberThemeToggle } from "../workbench/theme";
import { enhance } from "./enhance";
import { refreshRegions } from "./refresh";
import { markCurrentRows } from "./rows";

rememberThemeToggle(document);
enhance(document);
markCurrentRows(document);
refreshRegions(document);
