/** Regions with data-refresh-seconds show progress: the same address is fetched again and the region swapped by its id. */
import { enhance } from "./enhance";

const WAIT_SECONDS_MAX = 60;

export function refreshRegions(root: ParentNode): void {
  for (const region of root.querySelectorAll<HTMLElement>("[data-refresh-seconds][id]")) schedule(region, secondsOf(region));
}

function secondsOf(region: HTMLElement): number {
  return Math.max(1, Number(region.dataset["refreshSeconds"]) || 5);
}

function schedule(region: HTMLElement, seconds: number): void {
  setTimeout(async () => {
    if (!region.isConnected) return;
    // A hidden page asks for nothing; it looks again as soon as it is seen.
    if (document.hidden) await visible();
    const fresh = await fetchRegion(region.id);
    if (!fresh) return schedule(region, Math.min(seconds * 2, WAIT_SECONDS_MAX));
    // Someone selecting or typing in the region is not disturbed.
    if (region.contains(document.activeElement) && document.activeElement !== region) return schedule(region, seconds);
    region.replaceWith(fresh);
    enhance(fresh);
    if (fresh.dataset["refreshSeconds"]) schedule(fresh, secondsOf(fresh));
  }, seconds * 1000);
}

function visible(): Promise<void> {
  return new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true }));
}

async function fetchRegion(id: string): Promise<HTMLElement | null> {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!response.ok || response.redirected) return null;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById(id);
    return fresh ? document.adoptNode(fresh) : null;
  } catch {
    return null;
  }
}
