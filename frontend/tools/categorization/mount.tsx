/** The categorization tool: one text or image, and the options with their number keys. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { h, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ImageViewport } from "../../viewports/image/viewport";
import type { Binding } from "../../workbench/keymap";
import { Scope } from "../../workbench/scope";
import type { MountTool, Problem, Tool, WorkSession } from "../../workbench/tool";
import type { CategorizationAnswer, CategorizationSubtask } from "../../workbench/types";
import { load, type CategoryDocument } from "./document";

interface Option { choice: string; description: string }

export class CategoryTool implements Tool<CategorizationAnswer> {
  readonly document: CategoryDocument;
  readonly options: readonly Option[];
  /** Set while an image is shown. */
  readonly viewport = signal<ImageViewport | null>(null);

  constructor(host: HTMLElement, readonly session: WorkSession<CategorizationAnswer, CategorizationSubtask>) {
    const { params } = session.subtask;
    this.options = params.categories.map((one) => (typeof one === "string" ? { choice: one, description: "" } : { choice: one.choice, description: one.description ?? "" }));
    this.document = load(session.draft, params.allow_multiple ?? false, session.history);
    session.scope.add(session.keys.bind(...this.optionKeys(), ...this.viewKeys()));
    render(h(View, { tool: this }), host);
    session.scope.add(() => render(null, host));
  }

  get answer(): ReadonlySignal<CategorizationAnswer> {
    return this.document.answer;
  }

  check(): Problem[] {
    const chosen = this.document.chosen.peek();
    if (chosen.length === 0) return [{ id: "none", message: "No category is chosen yet.", blocking: true, show: focusOptions }];
    return chosen
      .filter((category) => !this.options.some((option) => option.choice === category))
      .map((category) => ({ id: `unknown:${category}`, message: `"${category}" is not one of this project's categories.`, blocking: true, show: focusOptions }));
  }

  present(answer: CategorizationAnswer): void {
    this.document.present(answer);
  }

  dispose(): void {
    // The session's scope ends what was made; nothing else is held.
  }

  private optionKeys(): Binding[] {
    return this.options.slice(0, 9).map(({ choice }, index) => ({ keys: String(index + 1), name: choice, group: "Categories", run: () => this.document.toggle(choice) }));
  }

  private viewKeys(): Binding[] {
    const shown = { group: "Image", when: () => this.viewport.peek() !== null };
    return [
      { ...shown, keys: "f", name: "Show the whole image", run: () => this.viewport.peek()?.fit() },
      { ...shown, keys: ["+", "="], name: "Zoom in (also: wheel)", run: () => this.viewport.peek()?.zoom(1.25) },
      { ...shown, keys: "-", name: "Zoom out", run: () => this.viewport.peek()?.zoom(0.8) },
    ];
  }
}

function focusOptions(): void {
  document.querySelector<HTMLInputElement>(".category-option input")?.focus();
}

function View({ tool }: { tool: CategoryTool }) {
  const { content } = tool.session.subtask;
  return (
    <div class="tool-columns category-tool">
      <div class="category-content">
        {content.type === "text" ? <article class="category-text">{content.text}</article> : <ContentImage tool={tool} url={content.url ?? ""} />}
      </div>
      <div class="tool-side">
        <section class="is-tall">
          <Options tool={tool} />
        </section>
      </div>
    </div>
  );
}

function Options({ tool }: { tool: CategoryTool }) {
  const { many, chosen } = tool.document;
  return (
    <fieldset class="category-options">
      <legend>{many ? "Choose all that fit" : "Choose one"}</legend>
      {tool.options.map(({ choice, description }, index) => {
        const checked = chosen.value.includes(choice);
        return (
          <label class="category-option" key={choice} data-checked={checked || undefined}>
            <input type={many ? "checkbox" : "radio"} name="category" checked={checked} onChange={() => tool.document.toggle(choice)} />
            <span class="grow">
              {choice}
              {description && <span class="soft">{description}</span>}
            </span>
            {index < 9 && <kbd>{index + 1}</kbd>}
          </label>
        );
      })}
    </fieldset>
  );
}

/** The image's own size is not sent for this type, so it is measured first. */
function ContentImage({ tool, url }: { tool: CategoryTool; url: string }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const scope = new Scope();
    const failed = () => tool.session.announce("The image did not load. Reload the page, or skip the task and say so.");
    const probe = new Image();
    probe.onload = () => {
      if (!host.current) return;
      const viewport = new ImageViewport(host.current, { url, size: { width: probe.naturalWidth, height: probe.naturalHeight }, onError: failed }, scope);
      panAndZoom(viewport, scope);
      tool.viewport.value = viewport;
    };
    probe.onerror = failed;
    probe.src = url;
    scope.add(() => {
      probe.onload = probe.onerror = null;
      tool.viewport.value = null;
    });
    return () => scope.dispose();
  }, [url]);
  return <div class="tool-canvas category-image" ref={host} role="img" aria-label="The image to categorize" />;
}

function panAndZoom(viewport: ImageViewport, scope: Scope): void {
  const host = viewport.host;
  scope.listen<WheelEvent>(host, "wheel", (event) => { event.preventDefault(); viewport.zoomByWheel(event); }, { passive: false });
  scope.listen<PointerEvent>(host, "pointerdown", (event) => host.setPointerCapture(event.pointerId));
  scope.listen<PointerEvent>(host, "pointermove", (event) => { if (event.buttons) viewport.pan(event.movementX, event.movementY); });
}

export const mount: MountTool<CategorizationAnswer, CategorizationSubtask> = (host, session) => new CategoryTool(host, session);
