/** Amounts, durations and times as people read them; the same words as the pages' macros. */

export function money(cents: number, currency = "USD"): string {
  const sign = cents < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(cents) / 100).toLocaleString("en-US");
  const rest = String(Math.abs(cents) % 100).padStart(2, "0");
  return `${sign}${currency === "USD" ? "$" : `${currency} `}${whole}.${rest}`;
}

export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${total} s`;
  if (total < 3600) return joined(Math.floor(total / 60), "min", total % 60, "s");
  if (total < 172800) return joined(Math.floor(total / 3600), "h", Math.floor((total % 3600) / 60), "min");
  return `${Math.floor(total / 86400)} days`;
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

/** "3 min ago", "in 2 days"; "just now" within ten seconds. */
export function relative(time: Date, now: Date): string {
  const seconds = Math.round((time.getTime() - now.getTime()) / 1000);
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  const words = coarse(size);
  return seconds < 0 ? `${words} ago` : `in ${words}`;
}

function coarse(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** "12:03:10" in the reader's own time zone. */
export function clockTime(time: Date, withSeconds = true): string {
  const parts = [time.getHours(), time.getMinutes(), ...(withSeconds ? [time.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** "2026-11-24 12:03:10 UTC+01:00": exact, in the reader's own time zone, the zone said. */
export function exactTime(time: Date): string {
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  const offset = -time.getTimezoneOffset();
  const zone = offset === 0
    ? "UTC"
    : `UTC${offset < 0 ? "-" : "+"}${String(Math.floor(Math.abs(offset) / 60)).padStart(2, "0")}:${String(Math.abs(offset) % 60).padStart(2, "0")}`;
  return `${day} ${clockTime(time)} ${zone}`;
}
