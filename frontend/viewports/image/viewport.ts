/** An image that zooms and pans, with drawings over it; redrawn only when something changed. */
import { effect, signal, type ReadonlySignal } from "@preact/signals";
import Konva from "konva/lib/Core";
import { Image as KonvaImage } from "konva/lib/shapes/Image";
import type { Scope } from "../../workbench/scope";
import { fit, pan, toImage, zoomAt, type Point, type Size, type View } from "./view";

/** A drawing over the image: `read` takes what it shows from signals, `paint` draws that on the screen's pixels. */
export interface Drawing<Shown> {
  read(): Shown;
  paint(context: CanvasRenderingContext2D, view: View, shown: Shown): void;
}

export interface ImageViewportOptions {
  url: string;
  size: Size;
  onError(): void;
}

export class ImageViewport {
  readonly view;
  readonly screen;
  readonly loaded: ReadonlySignal<boolean>;
  private readonly isLoaded = signal(false);
  private readonly stage: Konva.Stage;
  private fitted = true;

  constructor(
    readonly host: HTMLElement,
    private readonly options: ImageViewportOptions,
    private readonly scope: Scope,
  ) {
    this.loaded = this.isLoaded;
    this.screen = signal<Size>({ width: host.clientWidth || 1, height: host.clientHeight || 1 });
    this.view = signal<View>(fit(options.size, this.screen.peek()));
    // Konva wants an element of its own.
    const element = document.createElement("div");
    host.append(element);
    this.stage = new Konva.Stage({ container: element, ...this.screen.peek(), listening: false });
    scope.add(() => {
      this.stage.destroy();
      element.remove();
    });
    this.addImage();
    this.followSize();
  }

  /** Puts a drawing on a layer of its own above the earlier ones: what changes seldom and what follows the pointer are two. */
  add<Shown>(drawing: Drawing<Shown>): void {
    const layer = new Konva.Layer({ listening: false });
    this.stage.add(layer);
    let shown: Shown;
    layer.add(new Konva.Shape({ listening: false, sceneFunc: (context) => drawing.paint(context._context, this.view.peek(), shown) }));
    this.scope.add(
      effect(() => {
        shown = drawing.read();
        void this.view.value;
        void this.screen.value;
        // Not at once: any number of changes within a frame is one drawing.
        layer.batchDraw();
      }),
    );
  }

  /** The place of a pointer in the image's pixels. */
  locate(event: MouseEvent): Point {
    return toImage(this.view.peek(), this.locateOnScreen(event));
  }

  zoom(factor: number, anchor?: Point): void {
    const { width, height } = this.screen.peek();
    this.fitted = false;
    this.view.value = zoomAt(this.view.peek(), anchor ?? { x: width / 2, y: height / 2 }, factor, this.scaleMin());
  }

  zoomByWheel(event: WheelEvent): void {
    // A wheel's notch is some 100 units; a trackpad sends many small ones.
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.zoom(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 150 : 400)), this.locateOnScreen(event));
  }

  pan(dx: number, dy: number): void {
    this.fitted = false;
    this.view.value = pan(this.view.peek(), dx, dy);
  }

  fit(): void {
    this.fitted = true;
    this.view.value = fit(this.options.size, this.screen.peek());
  }

  show(view: View): void {
    this.fitted = false;
    this.view.value = view;
  }

  private scaleMin(): number {
    return Math.min(1, fit(this.options.size, this.screen.peek()).scale) / 2;
  }

  private locateOnScreen(event: MouseEvent): Point {
    const frame = this.host.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  private addImage(): void {
    const layer = new Konva.Layer({ listening: false });
    this.stage.add(layer);
    const image = new window.Image();
    image.decoding = "async";
    image.onload = () => {
      const node = new KonvaImage({ image, width: this.options.size.width, height: this.options.size.height });
      layer.add(node);
      this.isLoaded.value = true;
      this.scope.add(
        effect(() => {
          const { x, y, scale } = this.view.value;
          node.position({ x, y });
          node.scale({ x: scale, y: scale });
          // Enlarged, the image shows its pixels: edges are placed on them.
          layer.imageSmoothingEnabled(scale < 3);
        }),
      );
    };
    image.onerror = () => this.options.onError();
    image.src = this.options.url;
    this.scope.add(() => {
      image.onload = image.onerror = null;
    });
  }

  private followSize(): void {
    const observer = new ResizeObserver(() => {
      const size = { width: this.host.clientWidth || 1, height: this.host.clientHeight || 1 };
      this.stage.size(size);
      this.screen.value = size;
      if (this.fitted) this.fit();
    });
    observer.observe(this.host);
    this.scope.add(() => observer.disconnect());
  }
}
