/** Opens a subtask's answers in their tool for a reviewer: each is a layer to switch to, and nothing can be changed. */
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/components.css";
import "../styles/workbench.css";
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import { h, render } from "preact";
import { TOOLS } from "../tools/index";
import { History, type Command } from "./history";
import { KeyMap, type Binding } from "./keymap";
import { Reader } from "./reading_view";
import { Scope } from "./scope";
import type { MountTool, Tool } from "./tool";
import type { LidarTrack, Subtask } from "./types";

/** An answer by the name that the review's page gives it. */
export interface Layer {
  readonly name: string;
  readonly state: string;
  readonly answer: unknown;
}

export interface Reading {
  readonly subtask: Subtask;
  readonly layers: readonly Layer[];
}

/** What a key may do where nothing is changed: the groups of the tools that only look. */
const LOOKING = new Set(["Frames", "View", "Image", "Answers", "Everywhere"]);
const SELECTING = /^Select the |select nothing$/;

/** The tools' keys without those that change an answer. */
export class LookingKeys extends KeyMap {
  override bind(...bindings: Binding[]): () => void {
    return super.bind(...bindings.filter(({ group, name }) => LOOKING.has(group) || SELECTING.test(name)));
  }
}

/** Refuses every change, whichever way the tool came by it. */
export class ClosedHistory extends History {
  constructor(private readonly refuse: () => void) {
    super();
  }

  override run(_command: Command): void {
    this.refuse();
  }
}

export class Answers {
  readonly keys = new LookingKeys();
  readonly said = signal("");
  readonly shown = signal(0);
  /** The other answers are drawn dashed beside the one shown; a tool without such lines shows one at a time. */
  readonly compares = signal(false);
  readonly layer: ReadonlySignal<Layer | undefined>;
  readonly canCompare: boolean;
  private readonly scope = new Scope();
  private readonly tool: Tool<unknown>;
  private refused = false;

  constructor(readonly reading: Reading, mount: MountTool, host: HTMLElement) {
    const { layers } = reading;
    this.layer = computed(() => layers[this.shown.value]);
    this.canCompare = reading.subtask.task_type === "lidarannotation" && layers.length > 1;
    this.compares.value = this.canCompare && layers.length === 2;
    this.tool = mount(host, {
      subtask: this.withOthers(),
      draft: layers[0]?.answer ?? null,
      history: new ClosedHistory(this.refuse),
      keys: this.keys,
      problems: signal([]),
      scope: this.scope,
      announce: (text) => { if (!this.refused) this.said.value = text; },
    });
    this.scope.add(this.keys.bind(...this.layerKeys()));
    this.scope.listen<KeyboardEvent>(window, "keydown", (event) => void this.keys.press(event));
    this.scope.listen<KeyboardEvent>(window, "keyup", (event) => this.keys.release(event));
    this.scope.add(closeFields(host));
  }

  show(place: number): void {
    const layer = this.reading.layers[place];
    if (!layer || place === this.shown.peek()) return;
    this.shown.value = place;
    this.tool.present(layer.answer);
    this.said.value = `${layer.name}: ${layer.state}`;
  }

  dispose(): void {
    this.tool.dispose();
    this.scope.dispose();
  }

  /** The subtask with the other answers' tracks as what to compare with: read anew whenever another layer is shown. */
  private withOthers(): Subtask {
    const ghosts = computed(() => (this.compares.value ? this.othersTracks() : []));
    const subtask = { ...this.reading.subtask };
    return Object.defineProperty(subtask, "ghosts", { get: () => ghosts.value, enumerable: true });
  }

  private othersTracks(): LidarTrack[] {
    const others = this.reading.layers.filter((_, place) => place !== this.shown.value);
    return others.flatMap(({ name, answer }) =>
      ((answer as { tracks?: LidarTrack[] }).tracks ?? []).map((track) => ({ ...track, id: `${name} ${track.id}` })),
    );
  }

  private layerKeys(): Binding[] {
    const group = "Answers";
    const one = this.reading.layers.slice(0, 9).map(({ name }, place) => ({ keys: String(place + 1), name: `Show ${name}`, group, run: () => this.show(place) }));
    const count = this.reading.layers.length;
    const next: Binding = { keys: "`", name: "Show the next answer", group, run: () => this.show((this.shown.peek() + 1) % count) };
    const compare: Binding = { keys: "o", name: "Draw the others dashed, or not", group, when: () => this.canCompare, run: () => { this.compares.value = !this.compares.peek(); } };
    return [...one, ...(count > 1 ? [next] : []), ...(this.canCompare ? [compare] : [])];
  }

  /** Says so once, and keeps the tool from saying that it did what was refused. */
  private refuse = (): void => {
    this.said.value = "Here answers are looked at, not changed.";
    this.refused = true;
    queueMicrotask(() => { this.refused = false; });
  };
}

/** Fields of the tool that would change the answer are shown and closed; the frame's number leads through the frames. */
export function closeFields(host: HTMLElement): () => void {
  const close = () => {
    for (const field of host.querySelectorAll<HTMLInputElement>(".tool-side :is(input, select, textarea)")) field.disabled = true;
  };
  const watch = new MutationObserver(close);
  watch.observe(host, { childList: true, subtree: true });
  close();
  return () => watch.disconnect();
}

async function read(address: string): Promise<Reading> {
  const response = await fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  if (response.ok && isJson) return (await response.json()) as Reading;
  throw new Error(response.ok ? "You are signed out: sign in in another tab, then try again." : `The answers did not come: the server answered ${response.status}.`);
}

async function open(address: string, host: HTMLElement): Promise<Answers> {
  const reading = await read(address);
  const load = TOOLS[reading.subtask.task_type];
  if (!load) throw new Error(`There is no tool to show answers of the type ${reading.subtask.task_type}.`);
  const mount = await load();
  host.className = "wb-tool";
  return new Answers(reading, mount, host);
}

const root = document.getElementById("reading");
if (root) {
  const { answers = "", back = "/reviews" } = root.dataset;
  render(h(Reader, { open: (host: HTMLElement) => open(answers, host), back }), root);
}
