/** Keys: one list of bindings drives the handling, the tooltips and the shortcut sheet. */
import { signal, type ReadonlySignal } from "@preact/signals";

export interface Binding {
  /** "mod+z" (Ctrl, or Command on a Mac), "shift+d", "escape", "1", "?", "arrowleft", "space". */
  readonly keys: string | readonly string[];
  /** How the sheet and the tooltips write the keys, where a list of them would be long: "Arrows". */
  readonly shown?: string;
  /** What it does, in words, for tooltips and the sheet: "Delete the selected box". */
  readonly name: string;
  /** Heading in the sheet: "Everywhere", "Boxes", "View". */
  readonly group: string;
  run(event: KeyboardEvent): void;
  /** Called when the key comes up, for keys that are held. */
  release?(event: KeyboardEvent): void;
  /** The binding only counts while this holds; otherwise the key falls through to an older binding. */
  when?(): boolean;
  /** Also while typing in a field (rare: escape, mod+s). */
  readonly inFields?: boolean;
}

export class KeyMap {
  private readonly list = signal<readonly Binding[]>([]);
  private readonly held = new Map<string, Binding>();

  readonly bindings: ReadonlySignal<readonly Binding[]> = this.list;

  constructor(private readonly mac: boolean = isMac()) {}

  /** Adds bindings; the latest wins where two share a key. Returns what takes them away again. */
  bind(...bindings: Binding[]): () => void {
    this.list.value = [...bindings, ...this.list.peek()];
    return () => {
      this.list.value = this.list.peek().filter((binding) => !bindings.includes(binding));
    };
  }

  /** Handles a keydown; true when some binding took it. */
  press(event: KeyboardEvent): boolean {
    if (event.isComposing || isNative(event)) return false;
    const spellings = spellingsOf(event, this.mac);
    const typing = isField(event.target);
    const binding = this.list.peek().find(
      (one) => (!typing || one.inFields) && keysOf(one).some((key) => spellings.includes(key)) && (one.when?.() ?? true),
    );
    if (!binding) return false;
    event.preventDefault();
    if (binding.release) this.held.set(event.code, binding);
    binding.run(event);
    return true;
  }

  release(event: KeyboardEvent): void {
    const binding = this.held.get(event.code);
    this.held.delete(event.code);
    binding?.release?.(event);
  }

  /** The window lost the keyboard: keys that were held will never come up here. */
  releaseAll(): void {
    const held = [...this.held.values()];
    this.held.clear();
    for (const binding of held) binding.release?.(new KeyboardEvent("keyup"));
  }

  /** The keys of a binding as people read them: "Ctrl+Z", "Shift+D", "Left". */
  readable(keys: string): string {
    return keys.split("+").map((part) => this.readablePart(part)).join("+");
  }

  readableKeys(binding: Binding): readonly string[] {
    return binding.shown ? [binding.shown] : keysOf(binding).map((keys) => this.readable(keys));
  }

  /** Text for a tooltip: the name and, in brackets, its first key. */
  tooltip(name: string): string {
    const binding = this.list.value.find((one) => one.name === name);
    const keys = binding && this.readableKeys(binding)[0];
    return keys ? `${name} (${keys})` : name;
  }

  private readablePart(part: string): string {
    if (part === "mod") return this.mac ? "Cmd" : "Ctrl";
    if (part.startsWith("arrow")) return capital(part.slice("arrow".length));
    return part.length === 1 ? part.toUpperCase() : capital(part);
  }
}

export function keysOf(binding: Binding): readonly string[] {
  return typeof binding.keys === "string" ? [binding.keys] : binding.keys;
}

/** All ways to write this key press, as "?" and "shift+/" on one keyboard are the same. */
function spellingsOf(event: KeyboardEvent, mac: boolean): string[] {
  const mod = mac ? event.metaKey : event.ctrlKey;
  const stray = mac ? event.ctrlKey : event.metaKey;
  if (stray) return [];
  const modifiers = `${mod ? "mod+" : ""}${event.altKey ? "alt+" : ""}`;
  const key = event.key === " " ? "space" : event.key.toLowerCase();
  const spellings = [`${modifiers}${event.shiftKey ? "shift+" : ""}${key}`];
  // A symbol such as "?" already says that shift was needed; where it sits differs by keyboard.
  if (event.shiftKey && key.length === 1 && !/[a-z0-9]/.test(key)) spellings.push(`${modifiers}${key}`);
  // Letters and digits by place where the layout has none on that key (Cyrillic, French digits with shift).
  const place = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(event.code);
  const placed = (place?.[1] ?? place?.[2])?.toLowerCase();
  if (placed && placed !== key && !/^[a-z]$/.test(key)) {
    spellings.push(`${modifiers}${event.shiftKey ? "shift+" : ""}${placed}`);
  }
  return spellings;
}

function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit", "range"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** What the focused control itself does with the key: a button is pressed by space, radio buttons step by arrows. */
function isNative(event: KeyboardEvent): boolean {
  if (!(event.target instanceof HTMLElement) || event.ctrlKey || event.metaKey) return false;
  if (event.key === " " || event.key === "Enter") return event.target.closest("button, a, summary, input, select") !== null;
  if (event.key.startsWith("Arrow")) return event.target.closest("input[type=radio], input[type=range]") !== null;
  return false;
}

function isMac(): boolean {
  return typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
